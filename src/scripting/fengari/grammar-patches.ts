/** Changes to fengari's lexer and parser: they take Lua 5.1 and nothing else, and complain in its words. */
import type { Patch } from './patches.ts';

const lexer = (from: string, to: string): Patch => ({ file: 'llex.js', from, to });
const parser = (from: string, to: string): Patch => ({ file: 'lparser.js', from, to });

const TOKENS: readonly Patch[] = [
  lexer(`let L = ls.L;
    let ts = luaS_new(L, str);
    /* HACK: Workaround lack of ltable 'keyfromval' */
    let tpair = ls.h.strong.get(luaS_hashlongstr(ts));
    if (!tpair) { /* not in use yet? */
        let key = new lobject.TValue(LUA_TLNGSTR, ts);
        ltable.luaH_setfrom(L, ls.h, key, TVtrue);
    } else { /* string already present */
        ts = tpair.key.tsvalue(); /* re-use value previously stored */
    }
    return ts;`, 'return luaS_new(ls.L, str);'),
  // Numerals: digits and dots, an exponent, then whatever looks like a name.
  lexer(`let expo = "Ee";
    let first = ls.current;
    lua_assert(lisdigit(ls.current));
    save_and_next(ls);
    if (first === 48 /* ('0').charCodeAt(0) */ && check_next2(ls, "xX"))  /* hexadecimal? */
        expo = "Pp";

    for (;;) {
        if (check_next2(ls, expo))  /* exponent part? */
            check_next2(ls, "-+");  /* optional exponent sign */
        if (lisxdigit(ls.current))
            save_and_next(ls);
        else if (ls.current === 46 /* ('.').charCodeAt(0) */)
            save_and_next(ls);
        else break;
    }`, `do save_and_next(ls);
    while (lisdigit(ls.current) || ls.current === 46);
    if (check_next2(ls, "Ee")) check_next2(ls, "-+");
    while (lislalnum(ls.current)) save_and_next(ls);`),
  lexer('token_to_index[luaS_hash(e)] = i);', 'token_to_index[luaS_hash(e)] = i);\ndelete token_to_index["goto"];'),
  lexer('else if (check_next1(ls, 60 /* (\'<\').charCodeAt(0) */)) return TK_SHL;', ''),
  lexer('else if (check_next1(ls, 62 /* (\'>\').charCodeAt(0) */)) return TK_SHR;', ''),
  lexer('if (check_next1(ls, 47 /* (\'/\').charCodeAt(0) */)) return TK_IDIV;\n                else return', 'return'),
  lexer('if (check_next1(ls, 58 /* (\':\').charCodeAt(0) */)) return TK_DBCOLON;\n                else return', 'return'),
  // Escapes: of \x, \u and \z, which 5.1 does not know, the letter is left.
  lexer("case 120 /* ('x').charCodeAt(0) */: c = readhexaesc(ls); will = 'read_save'; break;", ''),
  lexer("case 117 /* ('u').charCodeAt(0) */: utf8esc(ls); will = 'no_save'; break;", ''),
  lexer(`case 122 /* ('z').charCodeAt(0) */: {  /* zap following span of spaces */
                        luaZ_buffremove(ls.buff, 1);  /* remove '\\\\' */
                        next(ls);  /* skip the 'z' */
                        while (lisspace(ls.current)) {
                            if (currIsNewline(ls)) inclinenumber(ls);
                            else next(ls);
                        }
                        will = 'no_save'; break;
                    }`, ''),
  lexer(`esccheck(ls, lisdigit(ls.current), to_luastring("invalid escape sequence", true));
                        c = readdecesc(ls);`, `if (!lisdigit(ls.current)) {
                            c = ls.current; will = 'read_save'; break;
                        }
                        c = readdecesc(ls);`),
  lexer(`esccheck(ls, r <= 255, to_luastring("decimal escape too large", true));
    luaZ_buffremove(ls.buff, i);  /* remove read digits from buffer */`, `luaZ_buffremove(ls.buff, i);  /* remove read digits from buffer */
    if (r > 255) {
        luaZ_buffremove(ls.buff, 1);
        lexerror(ls, to_luastring("escape sequence too large", true), TK_STRING);
    }`),
];

const MESSAGES: readonly Patch[] = [
  lexer(`return lobject.luaO_pushfstring(ls.L, to_luastring("'%c'", true), token);
    } else {`, `return token < 32 || token === 127 ? lobject.luaO_pushfstring(ls.L, to_luastring("char(%d)", true), token) : new Uint8Array([token]);
    } else {`),
  lexer(`if (token < TK_EOS)  /* fixed format (symbols and reserved words)? */
            return lobject.luaO_pushfstring(ls.L, to_luastring("'%s'", true), s);
        else  /* names, strings, and numerals */
            return s;`, 'return token === TK_FLT || token === TK_INT ? to_luastring("<number>", true) : s;'),
  lexer(`return lobject.luaO_pushfstring(ls.L, to_luastring("'%s'", true), luaZ_buffer(ls.buff));`, 'return luaZ_buffer(ls.buff).slice();'),
  lexer('to_luastring("%s near %s"), msg, txtToken(ls, token));', `to_luastring("%s near '%s'"), msg, txtToken(ls, token));`),
  lexer('let msg = `unfinished long ${what} (starting at line ${line})`;\n                lexerror(', 'let msg = `unfinished long ${what}`;\n                lexerror('),
  parser('to_luastring("%s expected", true), llex.luaX_token2str(ls, token)', `to_luastring("'%s' expected", true), llex.luaX_token2str(ls, token)`),
  parser('to_luastring("%s expected (to close %s at line %d)")', `to_luastring("'%s' expected (to close '%s' at line %d)")`),
  parser(`let where = (line === 0)
        ? to_luastring("main function", true)
        : lobject.luaO_pushfstring(L, to_luastring("function at line %d", true), line);
    let msg = lobject.luaO_pushfstring(L, to_luastring("too many %s (limit is %d) in %s", true),
        what, limit, where);
    llex.luaX_syntaxerror(fs.ls, msg);`, `let msg = line === 0
        ? lobject.luaO_pushfstring(L, to_luastring("main function has more than %d %s", true), limit, what)
        : lobject.luaO_pushfstring(L, to_luastring("function at line %d has more than %d %s", true), line, limit, what);
    semerror(fs.ls, msg);`),
  parser('checklimit(fs, fs.nups + 1, lfunc.MAXUPVAL, ', 'checklimit(fs, fs.nups + 1, fs.prev === null ? 1 : 60 + (searchupvalue(fs, fs.ls.envn) >= 0 ? 1 : 0), '),
  parser('checklimit(ls.fs, L.nCcalls, LUAI_MAXCCALLS, to_luastring("JS levels", true));', 'if (L.nCcalls > LUAI_MAXCCALLS) semerror(ls, to_luastring("chunk has too many syntax levels", true));'),
  parser('checklimit(ls.fs, nvars + ls.L.nCcalls, LUAI_MAXCCALLS, to_luastring("JS levels", true));', 'checklimit(ls.fs, nvars, LUAI_MAXCCALLS - ls.L.nCcalls, to_luastring("variables in assignment", true));'),
];

const STATEMENTS: readonly Patch[] = [
  parser(`if (ls.t.token === R.TK_RETURN) {
            statement(ls);
            return;  /* 'return' must be last statement */
        }
        statement(ls);`, `const last = ls.t.token === R.TK_RETURN || ls.t.token === R.TK_BREAK;
        statement(ls);
        testnext(ls, 59);
        if (last) return;`),
  parser(`luaK_ret(fs, first, nret);
    testnext(ls, 59 /* (';').charCodeAt(0) */);  /* skip optional semicolon */`, 'luaK_ret(fs, first, nret);'),
  parser(`case 59 /* (';').charCodeAt(0) */: {  /* stat -> ';' (empty statement) */
            llex.luaX_next(ls);  /* skip ';' */
            break;
        }`, ''),
  parser('if (ls.t.token === R.TK_GOTO || ls.t.token === R.TK_BREAK) {', 'if (false) {'),
  parser('gotostat(ls, luaK_jump(ls.fs));', `{
                let bl = ls.fs.bl;
                while (bl && !bl.isloop) bl = bl.previous;
                llex.luaX_next(ls);
                if (!bl) llex.luaX_syntaxerror(ls, to_luastring("no loop to break", true));
                breakstat(ls, luaK_jump(ls.fs), line);
            }`),
  parser('/* check for repeated labels on the same block */', `const breakstat = function(ls, pc, line) {
    findlabel(ls, newlabelentry(ls, ls.dyd.gt, luaS_newliteral(ls.L, "break"), line, pc));
};

/* check for repeated labels on the same block */`),
  parser('check_condition(ls, v.v.k === expkind.VCALL, to_luastring("syntax error", true));\n        SETARG_C', 'if (v.v.k !== expkind.VCALL) { assignment(ls, v, 1); return; }\n        SETARG_C'),
  parser("if (ls.t.token === 61 /* ('=').charCodeAt(0) */ || ls.t.token === 44 /* (',').charCodeAt(0) */) { /* stat . assignment ? */", 'if (v.v.k !== expkind.VCALL && (ls.t.token === 61 || ls.t.token === 44)) {'),
  parser(`case 40 /* ('(').charCodeAt(0) */: {  /* funcargs -> '(' [ explist ] ')' */`, `case 40 /* ('(').charCodeAt(0) */: {  /* funcargs -> '(' [ explist ] ')' */
            if (line !== ls.lastline) llex.luaX_syntaxerror(ls, to_luastring("ambiguous syntax (function call x new statement)", true));`),
  // A call belongs to the line of its '(' or argument.
  parser('luaK_self(fs, v, key);\n                funcargs(ls, v, line);', 'luaK_self(fs, v, key);\n                funcargs(ls, v, ls.linenumber);'),
  parser('luaK_exp2nextreg(fs, v);\n                funcargs(ls, v, line);', 'luaK_exp2nextreg(fs, v);\n                funcargs(ls, v, ls.linenumber);'),
];

const OPERATORS: readonly Patch[] = [
  parser("case 126 /* ('~').charCodeAt(0) */: return OPR_BNOT;", ''),
  parser("case 38 /* ('&').charCodeAt(0) */: return OPR_BAND;", ''),
  parser("case 124 /* ('|').charCodeAt(0) */: return OPR_BOR;", ''),
  parser("case 126 /* ('~').charCodeAt(0) */: return OPR_BXOR;", ''),
];

/** The local 'arg' of functions with '...', which goes away where '...' is used. */
const ARG: readonly Patch[] = [
  parser('f.is_vararg = true;  /* declared vararg */', 'f.is_vararg = true;  /* declared vararg */\n                    f.needsarg = true;\n                    new_localvarliteral(ls, "arg");\n                    hasarg = 1;'),
  parser('let nparams = 0;\n    f.is_vararg = false;', 'let nparams = 0;\n    let hasarg = 0;\n    f.is_vararg = false;'),
  parser('adjustlocalvars(ls, nparams);\n    f.numparams = fs.nactvar;', 'adjustlocalvars(ls, nparams + hasarg);\n    f.numparams = fs.nactvar - hasarg;'),
  parser('init_exp(v, expkind.VVARARG, luaK_codeABC(fs, OP_VARARG, 0, 1, 0));', 'fs.f.needsarg = false;\n            init_exp(v, expkind.VVARARG, luaK_codeABC(fs, OP_VARARG, 0, 1, 0));'),
  { file: 'lfunc.js', from: 'this.is_vararg = false;', to: 'this.is_vararg = false;\n        this.needsarg = false;    // whether calls make a table for the local "arg"' },
];

export const GRAMMAR_PATCHES: readonly Patch[] = [...TOKENS, ...MESSAGES, ...STATEMENTS, ...OPERATORS, ...ARG];
