/**
 * Changes to fengari's sources that make its Lua 5.3 the Lua 5.1 of Redis at run time: one kind of number, number text, metamethods,
 * messages, interruption. What concerns the grammar stands in grammar-patches.ts. Each `from` is found exactly once.
 */

export interface Patch {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const patch = (file: string, from: string, to: string): Patch => ({ file, from, to });

/** Every number is a double: the tag of integers is that of floats, and nothing is an integer. */
const NUMBERS: readonly Patch[] = [
  patch('defs.js', 'constant_types.LUA_TNUMINT = constant_types.LUA_TNUMBER | (1 << 4);', 'constant_types.LUA_TNUMINT = constant_types.LUA_TNUMFLT;'),
  patch('lobject.js', 'return this.checktag(LUA_TNUMINT);', 'return false;'),
  patch('lapi.js', 'fengari_argcheck(typeof n === "number" && (n|0) === n);', 'fengari_argcheck(typeof n === "number");'),
  // A number's text ends at a zero byte, whatever stands behind it.
  patch('lobject.js', 'let s2i = l_str2int(s);', `const zero = s.indexOf(0);
    if (zero >= 0) s = s.subarray(0, zero);
    const special = s.length > 64 ? null : /^[\\t\\v\\f \\n\\r]*([+-]?)(inf(?:inity)?|nan)[\\t\\v\\f \\n\\r]*$/i.exec(String.fromCharCode.apply(null, s));
    if (special !== null) {
        o.setfltvalue(special[2][0].toLowerCase() === 'n' ? NaN : special[1] === '-' ? -Infinity : Infinity);
        return s.length + 1;
    }
    let s2i = null;`),
  patch('lobject.js', 'let r = /^[\\t\\v\\f \\n\\r]*[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]*)(?:[eE][+-]?[0-9]+)?/.exec(s);', 'let r = /^[\\t\\v\\f \\n\\r]*[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?/.exec(s);'),
  patch('luaconf.js', 'return String(Number(n.toPrecision(14))); /* should match behaviour of LUA_NUMBER_FMT */', 'return Number.isInteger(n) && n > -1e14 && n < 1e14 && n !== 0 ? String(n) : require("./numbers").formatGeneral(n, 14);'),
  patch('lvm.js', 'if (lobject.luaO_str2num(o.svalue(), v) === (o.vslen() + 1))', 'if (lobject.luaO_str2num(o.svalue(), v) !== 0)'),
  patch('lobject.js', 'if (!LUA_COMPAT_FLOATSTRING && /^[-0123456789]+$/.test(str)) {', 'if (false) {'),
  patch('luaconf.js', 'const conf = (process.env.FENGARICONF ? JSON.parse(process.env.FENGARICONF) : {});', 'const conf = { LUAI_MAXSTACK: 200000 };'),
  patch('llimits.js', `let m = a % b;
    if ((m*b) < 0)
        m += b;
    return m;`, 'return a - Math.floor(a / b) * b;'),
  patch('lvm.js', 'L.stack[ra].setfltvalue(Math.pow(numberop1, numberop2));', 'L.stack[ra].setfltvalue(power(numberop1, numberop2));'),
  patch('lvm.js', "const luaV_equalobj = ", 'const { power } = require("./numbers");\nconst luaV_equalobj = '),
  patch('lobject.js', 'return Math.pow(v1, v2);', 'return require("./numbers").power(v1, v2);'),
];

const METAMETHODS: readonly Patch[] = [
  // Tables have no __len.
  patch('lvm.js', `tm = ltm.fasttm(L, h.metatable, ltm.TMS.TM_LEN);
            if (tm !== null) break; /* metamethod? break switch to call it */`, ''),
  // __eq, __lt and __le only where both have the same one.
  patch('lvm.js', `tm = ltm.fasttm(L, t1.value.metatable, ltm.TMS.TM_EQ);
            if (tm === null)
                tm = ltm.fasttm(L, t2.value.metatable, ltm.TMS.TM_EQ);
            break;`, `tm = ltm.fasttm(L, t1.value.metatable, ltm.TMS.TM_EQ);
            if (tm !== null && t1.value.metatable !== t2.value.metatable) {
                const other = ltm.fasttm(L, t2.value.metatable, ltm.TMS.TM_EQ);
                if (other === null || luaV_rawequalobj(tm, other) === 0) tm = null;
            }
            break;`),
  patch('ltm.js', `let res = new lobject.TValue();
    if (!luaT_callbinTM(L, p1, p2, res, event))`, `let res = new lobject.TValue();
    const one = luaT_gettmbyobj(L, p1, event);
    if (p1.ttnov() !== p2.ttnov() || one.ttisnil() || lvm.luaV_equalobj(null, one, luaT_gettmbyobj(L, p2, event)) === 0) return null;
    if (!luaT_callbinTM(L, p1, p2, res, event))`),
  patch('lvm.js', 'const MAXTAGLOOP = 2000;', 'const MAXTAGLOOP = 100;'),
  patch('lvm.js', `"'__index' chain too long; possible loop"`, '"loop in gettable"'),
  patch('lvm.js', `"'__newindex' chain too long; possible loop"`, '"loop in settable"'),
];

const STRINGS: readonly Patch[] = [
  patch('lvm.js', `let buff = new Uint8Array(tl);
            copy2buff(L, top, n, buff);
            let ts = luaS_bless(L, buff);`, `if (tl > ${2 ** 29 - 32}) ldo.luaD_memoryerror(L);
            let text = "";
            for (let i = n; i > 0; i--) text += L.stack[top - i].value.text;
            if (tl > 1024) charge(tl);
            let ts = new TString(text);`),
  patch('lvm.js', `luaS_bless,
    luaS_eqlngstr,`, `TString,
    luaS_eqlngstr,`),
  patch('lobject.js', '/* respect null terminator */\n                    let i = luastring_indexOf(s, 0);', 'let i = luastring_indexOf(s, 0);'),
];

const VM: readonly Patch[] = [
  // The depth at which C's Lua, which doubles its list of calls, goes beyond LUAI_MAXCALLS.
  patch('lstate.js', 'ci.previous = L.ci;', 'ci.previous = L.ci;\n    ci.depth = L.ci.depth + 1;'),
  patch('lstate.js', 'this.callstatus = NaN;', 'this.callstatus = NaN;\n        this.depth = 0;'),
  patch('ldo.js', 'case LUA_TLCL: {\n            let base;', `case LUA_TLCL: {
            if (L.ci.depth >= 16384) ldebug.luaG_runerror(L, to_luastring("stack overflow", true));
            let base;`),
  // An array that is told to be long becomes a dictionary: the stack's size is a number of its own, and the array grows as it is filled.
  patch('ldo.js', 'L.stack.length = newsize;', 'if (newsize < L.stack.length) L.stack.length = newsize;'),
  patch('ldo.js', 'let size = L.stack.length;', 'let size = L.stack_last + lstate.EXTRA_STACK;'),
  patch('ldo.js', 'if (L.stack.length > LUAI_MAXSTACK)', 'if (L.stack_last + lstate.EXTRA_STACK > LUAI_MAXSTACK)'),
  patch('ldo.js', 'goodsize < L.stack.length)', 'goodsize < L.stack_last + lstate.EXTRA_STACK)'),
  patch('lvm.js', 'for (; n > 0; n--) {\n                    ltable.luaH_setint(h, last--, L.stack[ra + n]);\n                }', 'ltable.luaH_setlist(h, last - n + 1, L.stack, ra + 1, n);'),
  // Interruption: a count of instructions instead of hooks.
  patch('lvm.js', 'const luaV_execute = function(L) {', `const TICK_INSTRUCTIONS = 10000;
let ticks = TICK_INSTRUCTIONS;
// Something large counts as so many instructions as it has pieces of 64 bytes.
const charge = function(bytes) {
    ticks -= bytes >> 6;
    if (ticks <= 0) {
        ticks = TICK_INSTRUCTIONS;
        hooks.tick();
    }
};
const hooks = { tick() {}, charge };
module.exports.hooks = hooks;

const luaV_execute = function(L) {`),
  patch('lvm.js', `if (L.hookmask & (LUA_MASKLINE | LUA_MASKCOUNT)) {
            ldebug.luaG_traceexec(L);
        }`, `if (--ticks <= 0) {
            ticks = TICK_INSTRUCTIONS;
            hooks.tick();
        }`),
  patch('lvm.js', `let nlimit, nstep, ninit;
                    if ((nlimit = tonumber(plimit)) === false)`, `let nlimit, nstep, ninit;
                    if ((ninit = tonumber(init)) === false)
                        ldebug.luaG_runerror(L, to_luastring("'for' initial value must be a number", true));
                    if ((nlimit = tonumber(plimit)) === false)`),
  patch('lvm.js', `if ((ninit = tonumber(init)) === false)
                        ldebug.luaG_runerror(L, to_luastring("'for' initial value must be a number", true));
                    L.stack[ra].setfltvalue(ninit - nstep);`, 'L.stack[ra].setfltvalue(ninit - nstep);'),
  // The table that 'arg' names in a function with '...' that does not use it.
  patch('ldo.js', 'adjust_top(L, ci.top);\n            ci.l_code = p.code;', `adjust_top(L, ci.top);
            if (p.needsarg) {
                const table = lvm.newArgTable(L, base - off - 1 - p.numparams, base);
                L.stack[base + p.numparams].sethvalue(table);
            }
            ci.l_code = p.code;`),
  patch('lvm.js', 'let lim = nci.l_base + nfunc.value.p.numparams;', 'let lim = nci.l_base + nfunc.value.p.numparams + (nfunc.value.p.needsarg ? 1 : 0);'),
  patch('lvm.js', 'module.exports.cvt2str          = cvt2str;', `module.exports.newArgTable = function(L, n, base) {
    const table = ltable.luaH_new(L);
    if (n < 0) n = 0;
    ltable.luaH_setlist(table, 1, L.stack, base - n, n);
    ltable.luaH_setfrom(L, table, new lobject.TValue(LUA_TLNGSTR, new TString("n")), new lobject.TValue(LUA_TNUMINT, n));
    return table;
};
module.exports.cvt2str          = cvt2str;`),
];

const ERRORS: readonly Patch[] = [
  patch('ltm.js', `let mt;
    if ((o.ttistable() && (mt = o.value.metatable) !== null) ||
        (o.ttisfulluserdata() && (mt = o.value.metatable) !== null)) {
        let name = ltable.luaH_getstr(mt, luaS_bless(L, __name));
        if (name.ttisstring())
            return name.svalue();
    }
    return`, 'return'),
  patch('ldebug.js', `return kind ? lobject.luaO_pushfstring(L, to_luastring(" (%s '%s')", true), kind.funcname, kind.name) : to_luastring("", true);`, 'return kind;'),
  patch('ldebug.js', 'luaG_runerror(L, to_luastring("attempt to %s a %s value%s", true), op, t, varinfo(L, o));', `const kind = varinfo(L, o);
    if (kind) luaG_runerror(L, to_luastring("attempt to %s %s '%s' (a %s value)", true), op, kind.funcname, kind.name, t);
    else luaG_runerror(L, to_luastring("attempt to %s a %s value", true), op, t);`),
  patch('ldebug.js', `if (p.k[b].ttisstring()) {
                    r.name = p.k[b].svalue();
                    r.funcname = to_luastring("constant", true);
                    return r;
                }`, ''),
  patch('ldo.js', '"JS stack overflow", true));\n    else if', '"C stack overflow", true));\n    else if'),
  patch('ldo.js', 'attempt to yield across a JS-call boundary', 'attempt to yield across metamethod/C-call boundary'),
  patch('ldo.js', 'attempt to yield from outside a coroutine', 'attempt to yield across metamethod/C-call boundary'),
  patch('ldo.js', 'const luaD_throw = function(L, errcode) {', `const luaD_memoryerror = function(L) {
    luaD_throw(L, LUA_ERRMEM);
};
module.exports.luaD_memoryerror = luaD_memoryerror;

const luaD_throw = function(L, errcode) {`),
  // What is no error of Lua goes through every pcall; V8's own limits are errors of the script.
  patch('ldo.js', 'if (lj.status === LUA_OK) {\n            /* error was not thrown via luaD_throw, i.e. it is a JS error */', `if (e !== lj && !(e instanceof RangeError)) {
            L.errorJmp = lj.previous;
            L.nCcalls = oldnCcalls;
            throw e;
        }
        if (lj.status === LUA_OK) {
            const text = /stack/.test(e.message) ? "stack overflow" : "not enough memory";
            L.stack[L.top++] = new lobject.TValue(4 | (1 << 4), luaS_newliteral(L, text));
            lj.status = LUA_ERRRUN;
        }
        if (lj.status === LUA_OK) {`),
  // Names of chunks as Lua 5.1 cuts them.
  patch('lobject.js', 'bufflen -= PRE.length + RETS.length + POS.length;  /* save space for prefix+suffix */\n        if (l < bufflen && nli === -1) {', 'bufflen = 43;\n        if (l <= bufflen && nli === -1) {'),
];

export const PATCHES: readonly Patch[] = [...NUMBERS, ...METAMETHODS, ...STRINGS, ...VM, ...ERRORS];
