/** A script that runs for long: BUSY to everybody, and who may end it. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HoldfastProcess, type TestClient } from '../support/holdfast-process.ts';

const BUSY = '-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.';
const BUSY_FUNCTION = '-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.';
const LIBRARY = "#!lua name=lib\nredis.register_function('forever', function() while true do end end)";

describe.each(['compiled', 'fengari'])('%s', (engine) => {
  let server: HoldfastProcess;
  let runner: TestClient;
  let other: TestClient;

  beforeEach(async () => {
    server = await HoldfastProcess.start('--busy-reply-threshold', '20', '--lua-engine', engine);
    runner = await server.connect();
    other = await server.connect();
    await other.send('PING');
  });

  afterEach(async () => {
    runner.close();
    other.close();
    await server.remove();
  });

  /** Sends PING until the answer is that the server is busy. */
  async function untilBusy(): Promise<string> {
    for (;;) {
      const reply = await other.send('PING');
      if (reply !== '+PONG') return reply;
    }
  }

  test('others get BUSY, SCRIPT KILL ends it', async () => {
    const reply = runner.send('EVAL', 'while true do pcall(function() while true do end end) end', '0');
    expect(await untilBusy()).toBe(BUSY);
    expect(await Promise.all([other.send('SET', 'a', '1'), other.send('GET', 'a'), other.send('FUNCTION', 'KILL'), other.send('MULTI')]))
      .toEqual([BUSY, BUSY, BUSY, '+OK']);
    expect(await other.send('SET', 'a', '1')).toBe(BUSY);
    expect(await other.send('SCRIPT', 'KILL')).toBe('+OK');
    expect(await reply).toBe('-ERR Script killed by user with SCRIPT KILL.');
    expect(await other.send('EXEC')).toBe('-EXECABORT Transaction discarded because of previous errors.');
    expect(await other.send('GET', 'a')).toBe('$-1');
    expect(await other.send('SCRIPT', 'KILL')).toBe('-NOTBUSY No scripts in execution right now.');
  });

  test('EXEC is refused, and ends the transaction', async () => {
    await other.send('MULTI');
    await other.send('SET', 'a', '1');
    const killer = await server.connect();
    expect(await killer.send('PING')).toBe('+PONG');
    const reply = runner.send('EVAL', 'while true do end', '0');
    for (let answer = ''; answer !== BUSY; answer = await killer.send('PING'));
    expect(await other.send('EXEC')).toBe(`-EXECABORT Transaction discarded because of: ${BUSY.slice(1)}`);
    expect(await killer.send('SCRIPT', 'KILL')).toBe('+OK');
    await reply;
    killer.close();
    expect(await other.send('GET', 'a')).toBe('$-1');
    expect(await other.send('EXEC')).toBe('-ERR EXEC without MULTI');
  });

  test('a script that has written goes on', async () => {
    const reply = runner.send('EVAL', "redis.call('SET', 'a', '1') local t = os.clock() while os.clock() - t < 2 do end return 'done'", '0');
    expect(await untilBusy()).toBe(BUSY);
    expect(await other.send('SCRIPT', 'KILL')).toMatch(/^-UNKILLABLE /);
    expect(await reply).toBe('done');
    expect(await other.send('GET', 'a')).toBe('1');
  });

  test('a client that comes while a script runs, and stays', async () => {
    const reply = runner.send('EVAL', 'while true do end', '0');
    await untilBusy();
    const late = await server.connect();
    expect(await Promise.all([late.send('PING'), late.send('FUNCTION', 'KILL'), late.send('GET', 'a')])).toEqual([BUSY, BUSY, BUSY]);
    expect(await late.send('SCRIPT', 'KILL')).toBe('+OK');
    expect(await reply).toBe('-ERR Script killed by user with SCRIPT KILL.');
    let answer: unknown = BUSY;
    while (answer === BUSY) answer = await late.send('SET', 'a', '1');
    expect(answer).toBe('+OK');
    expect(await late.send('CLIENT', 'LIST')).toContain(`:${late.socket.localPort} `);
    late.close();
  });

  test('a client that comes while a script runs, with one half of a command', async () => {
    const reply = runner.send('EVAL', 'while true do end', '0');
    await untilBusy();
    const late = net.connect(server.port, '127.0.0.1');
    late.write('PING\r\n');
    expect(String((await once(late, 'data'))[0])).toBe(`${BUSY}\r\n`);
    late.write('*2\r\n$4\r\nECHO\r\n$2\r\nh');
    await other.send('SCRIPT', 'KILL');
    await reply;
    // Once it is the server's, that half can only have been read by who had it before.
    while (!String(await other.send('CLIENT', 'LIST')).includes(`:${late.localPort} `));
    const answer = once(late, 'data');
    late.write('i\r\n');
    expect(String((await answer)[0])).toBe('$2\r\nhi\r\n');
    late.destroy();
  });

  test('nobody who comes around the end of a script is sent away', async () => {
    const answers = new Set<unknown>();
    let seconds = 0.1;
    for (let round = 0; round < 8 || !answers.has(BUSY); round++) {
      const done = runner.send('EVAL', `local t = os.clock() while os.clock() - t < ${seconds} do end return 'done'`, '0');
      let isOver = false;
      void done.then(() => { isOver = true; });
      for (let after = 0; after < 3; after += Number(isOver)) {
        const late = await server.connect();
        for (const reply of await Promise.all([late.send('PING'), late.send('PING')])) answers.add(reply);
        late.close();
      }
      expect(await done).toBe('done');
      // On a busy machine the process that answers them takes longer to start.
      if (!answers.has(BUSY)) seconds *= 1.5;
    }
    expect([...answers].sort()).toEqual(['+PONG', BUSY]);
  });

  test('functions', async () => {
    expect(await other.send('FUNCTION', 'LOAD', LIBRARY)).toBe('lib');
    const reply = runner.send('FCALL', 'forever', '0');
    expect(await untilBusy()).toBe(BUSY_FUNCTION);
    expect(await other.send('SCRIPT', 'KILL')).toBe(BUSY_FUNCTION);
    expect(await other.send('FUNCTION', 'STATS')).toContain('forever');
    expect(await other.send('FUNCTION', 'KILL')).toBe('+OK');
    expect(await reply).toBe('-ERR Script killed by user with FUNCTION KILL.');
  });

  test('a command of which one half comes while a script runs', async () => {
    const halves = net.connect(server.port, '127.0.0.1');
    await once(halves, 'connect');
    const reply = runner.send('EVAL', 'while true do end', '0');
    await untilBusy();
    halves.write('*2\r\n$4\r\nECHO\r\n$2\r\nh');
    // Whatever is there is read before the second of these is answered.
    await other.send('PING');
    await other.send('SCRIPT', 'KILL');
    await reply;
    const answer = once(halves, 'data');
    halves.write('i\r\n');
    expect(String((await answer)[0])).toBe('$2\r\nhi\r\n');
    halves.destroy();
  });
});
