/** Why a rule of a user cannot be, and Redis's text for it. */

export type RuleFault = 'unknown' | 'syntax' | 'all-keys' | 'all-channels' | 'no-password' | 'bad-hash' | 'first-argument';

export const FAULT_TEXTS: Readonly<Record<RuleFault, string>> = {
  unknown: 'Unknown command or category name in ACL',
  syntax: 'Syntax error',
  'all-keys': "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns",
  'all-channels': "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels",
  'no-password': 'The password you are trying to remove from the user does not exist',
  'bad-hash': 'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters',
  'first-argument': 'Allowing first-arg of a subcommand is not supported',
};
