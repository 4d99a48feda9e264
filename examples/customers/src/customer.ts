/** What a customer is, and which JSON may become one. */

export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  /** Empty if there is none. */
  readonly phone: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What a client may say about a customer. */
export type CustomerInput = Pick<Customer, 'name' | 'email' | 'phone'>;

const NAME_CHARACTERS_MAX = 200;
const EMAIL_CHARACTERS_MAX = 254;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const PHONE = /^\+?[\d ()-]{4,30}$/;
const FIELDS: readonly string[] = ['name', 'email', 'phone'];

/** Tells for each field what is wrong with it. */
export class ValidationError extends Error {
  readonly fields: Readonly<Record<string, string>>;

  constructor(fields: Readonly<Record<string, string>>) {
    super('The customer is not valid.');
    this.fields = fields;
  }
}

/** @throws ValidationError naming every field that is wrong, so that a form can show them all at once. */
export function parseCustomerInput(body: unknown): CustomerInput {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new ValidationError({ '': 'A JSON object is expected.' });
  const problems: Record<string, string> = {};
  for (const field of Object.keys(body)) if (!FIELDS.includes(field)) problems[field] = 'There is no such field.';
  const { name, email, phone = '' } = body as Record<string, unknown>;
  if (typeof name !== 'string' || name.trim() === '') problems['name'] = 'A name is required.';
  else if (name.length > NAME_CHARACTERS_MAX) problems['name'] = `At most ${NAME_CHARACTERS_MAX} characters.`;
  if (typeof email !== 'string' || !EMAIL.test(email) || email.length > EMAIL_CHARACTERS_MAX) problems['email'] = 'An e-mail address is required.';
  if (typeof phone !== 'string' || (phone !== '' && !PHONE.test(phone))) problems['phone'] = 'Digits, spaces, parentheses, hyphens, and a plus sign in front.';
  if (Object.keys(problems).length > 0) throw new ValidationError(problems);
  return { name: (name as string).trim(), email: (email as string).toLowerCase(), phone: phone as string };
}
