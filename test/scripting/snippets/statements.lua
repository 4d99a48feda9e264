-- Assignment, scopes, loops, functions, varargs, closures.
local a, b, c = 1, 2 return a, b, c
local a, b = 1, 2, 3 return a, b
local a <const> = 1
local a, b = 1, 2 a, b = b, a return a, b
local i = 1 local a = {} i, a[i] = i + 1, 20 return i, a[1], a[2]
local a = {1,2,3} local i = 1 i, a[i], a[i+1] = 3, "x", "y" return i, a[1], a[2], a[3]
local t = {} t.a, t.b, t.c = 1, 2 return t.a, t.b, t.c
local function f() return 1, 2, 3 end local a, b, c, d = f() return a, b, c, d
local function f() return 1, 2, 3 end local a, b, c, d = 0, f() return a, b, c, d
local function f() return 1, 2, 3 end local a, b = f(), 10 return a, b
local function f() return 1, 2, 3 end local a, b = (f()) return a, b
local function f() return 1, 2, 3 end return f(), f()
local function f() return 1, 2, 3 end return (f())
local function f() return 1, 2, 3 end return {f(), f()}, #{f(), f()}, #{f(), nil}, #{(f())}
local function f() return 1, 2, 3 end return f(), (f())
local function f() end return f(), (f()), type((f()))
local function f() end return select('#', f()), select('#', (f())), select('#', f(), f())
local function f(...) return select('#', ...) end return f(), f(nil), f(nil, nil), f(1, nil, 3)
local function f(a, b) return a, b end return f(1), f(1, 2, 3)
local function f(...) return ... end return f(), f(1), (f(1, 2))
local function f(...) local a, b = ... return a, b end return f(1), f(1, 2, 3)
local function f(...) return {...} end return f(1, 2, 3), #f(), #f(nil, nil)
local function f(...) return {n = select('#', ...), ...} end return f(1, nil, 3)
local function f(...) return arg end return f(1)
local function f(...) return arg.n, arg[1], arg[2] end return f(5, 6)
local function f(...) return arg.n end return f(), f(nil), f(1, 2)
local function f(...) local x = ... return arg end return f(1)
local function f(a, ...) return a, arg.n, arg[1] end return f(1, 2, 3)
local function f(...) return (...) end return f(1, 2), f()
local function f(...) return ..., 10 end return f(1, 2), f()
local function f(...) return 10, ... end return f(1, 2), f()
local function f(...) return #arg end return f(1, 2, 3)
local function f(...) local function g() return arg end return g() end return f(1, 2)
local function g(...) return select(2, ...) end return g(1, 2, 3), g(1)
return select(1, 1, 2, 3), select(2, 1, 2, 3), select(-1, 1, 2, 3), select(-2, 1, 2, 3), select('#'), select('#', nil)
return select(0, 1)
return select(-5, 1)
return select()
return select('x', 1)
return select({}, 1)
return select('2', 'a', 'b')
return select(1.9, 'a', 'b'), select(5, 'a')
local s = 0 for i = 1, 10 do s = s + i end return s
local s = "" for i = 10, 1, -3 do s = s .. i .. "," end return s
local s = "" for i = 1, 2, 0.25 do s = s .. i .. "," end return s
local s = "" for i = 1, 0 do s = s .. i end return s
local s = "" for i = 3, 1 do s = s .. i end for i = 1, 3, -1 do s = s .. i end return s
local s = "" for i = "1", "3" do s = s .. i .. "," end return s
local s = "" for i = "1", 3, "2" do s = s .. type(i) end return s
for i = 1, "x" do end
for i = "x", 1 do end
for i = 1, 2, "x" do end
for i = nil, 1 do end
for i = 1, nil do end
for i = 1, 2, nil do end
for i = {}, 1 do end
for i = 1, {}, {} do end
local n = 0 for i = 1, 10, 0 do n = n + 1 if n > 3 then break end end return n
local n = 0 for i = 10, 1, 0 do n = n + 1 if n > 3 then break end end return n
local n = 0 for i = 1, math.huge do n = n + 1 if n == 5 then break end end return n
local n = 0 for i = -1, -math.huge, -1 do n = n + 1 if n == 5 then break end end return n
local n = 0 for i = 0.1, 1, 0.1 do n = n + 1 end return n
local n = 0 for i = 1, 3 do i = i * 10 n = n + i end return n
local n = 0 for i = 2^31 - 2, 2^31 + 2 do n = n + 1 end return n
local n = 0 for i = 2^53, 2^53 + 2 do n = n + 1 if n > 5 then break end end return n
local i = 5 for i = 1, 3 do end return i
local f = {} for i = 1, 3 do f[i] = function() i = i + 1 return i end end return f[1](), f[1](), f[2](), f[3]()
local f = {} for i = 1, 3 do local j = i f[i] = function() j = j + 1 return j end end return f[1](), f[1](), f[2](), f[3]()
local f = {} for i, v in ipairs({"a", "b"}) do f[i] = function() return v end end return f[1](), f[2]()
local f = {} local i = 1 while i <= 3 do local j = i f[i] = function() return j end i = i + 1 end return f[1](), f[2](), f[3]()
local f = {} local i = 1 repeat local j = i f[i] = function() j = j + 1 return j end i = i + 1 until j >= 3 return f[1](), f[2](), f[1]()
local n = 0 repeat local done = n >= 3 n = n + 1 until done return n
local n = 0 while true do n = n + 1 if n > 5 then break end end return n
local n = 0 while n < 5 do n = n + 1 if n == 3 then break end end return n
local n = 0 repeat n = n + 1 if n == 3 then break end until false return n
local r = {} for k, v in pairs({10, 20, 30}) do r[#r + 1] = k .. "=" .. v end return r
local r = {} for k, v in ipairs({10, 20, nil, 40}) do r[#r + 1] = k .. "=" .. v end return r
local r = {} for k in pairs({}) do r[1] = k end return r
for k in 5 do end
for k in nil do end
for k in {} do end
for k, v in pairs(nil) do end
for k, v in pairs(5) do end
for k, v in ipairs() do end
for k, v in ipairs("x") do end
for k, v in next, {1, 2} do end
for k, v in next, 5 do end
for k, v in next do end
local t = {} for i = 1, 5 do t[i] = i end for k in pairs(t) do t[k] = nil end return next(t), #t
local t = {a=1, b=2, c=3} for k in pairs(t) do t[k] = nil end return next(t)
local t = {a=1, b=2, c=3} for k, v in pairs(t) do t[k] = v * 2 end return t.a, t.b, t.c
local function iter(s, c) if c < s then return c + 1, c * c end end local r = {} for i, v in iter, 4, 0 do r[#r+1] = i .. ":" .. v end return r
local function gen(n) local i = 0 return function() i = i + 1 if i <= n then return i end end end local s = 0 for i in gen(5) do s = s + i end return s
local r = {} for a, b, c, d in function(s, c) if not c then return 1, 2, 3 end end do r = {a, b, c, tostring(d)} end return r
for i = 1, 2 do local x = 5 end return x
do local x = 1 end local y = 2 do local y = 3 end return y
local x = 1 local x = x + 1 return x
local x = 1 do local x = x + 1 x = x + 1 end return x
local function f() return f end return f() == f
local f = function() return f end return f
local function fact(n) if n <= 1 then return 1 end return n * fact(n - 1) end return fact(10), fact(20), fact(25)
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(20)
local function even(n) if n == 0 then return true end return (function(m) return m end)(n) % 2 == 0 end return even(10), even(7)
local t = {} function t.f(x) return x end function t:g(x) return self, x end local s, x = t:g(5) return t.f(1), s == t, x
local t = {a={b={}}} function t.a.b.f(x) return x end function t.a.b:g() return self == t.a.b end return t.a.b.f(1), t.a.b:g()
local function counter() local n = 0 return function() n = n + 1 return n end, function() return n end end local inc, get = counter() inc() inc() return get()
local a = {} local b = a b.x = 1 return a.x, a == b
local s = ("x"):rep(3) return s, ("abc"):upper(), #("abc"), ("%d"):format(5)
local s = "abc" return s:len(), s:sub(2), s:upper():lower()
return (("x")), ((1)), (({1}))[1]
if nil then return 1 elseif false then return 2 else return 3 end
if 0 then return "zero" end
local x = 3 if x == 1 then return "a" elseif x == 2 then return "b" elseif x == 3 then return "c" end
local x; local y; x = 1; y = 2; return x, y
do return 1 end
do return end
return
local function f() return end return f()
local t = {1, 2, 3; 4, x = 5, ["y z"] = 6, [10] = 7} return #t, t[4], t.x, t["y z"], t[10]
local t = {[1] = "a", "b"} return t[1]
local t = {"b", [1] = "a"} return t[1]
local t = {x = 1, x = 2} return t.x
local t = {[1.0] = "a", ["1"] = "b"} return t[1], t["1"]
local t = {[nil] = 1}
local t = {[0/0] = 1}
local n = 0 local function f() n = n + 1 return n end local t = {f(), f(), x = f(), f()} return t[1], t[2], t.x, t[3]
local n = 0 local function f() n = n + 1 return n end return f() + f() * f(), f() .. f()
local log = {} local function f(x) log[#log+1] = x return x end local t = {} t[f(1)] = f(2) return log
local log = {} local function f(x) log[#log+1] = x return {} end f(1)[f(2)] = f(3) return #log, log[1], log[2], log[3]
local log = "" local function f(x) log = log .. x return x end local _ = f("a") < f("b"), f("c") > f("d"), f("e") == f("f") return log
local log = "" local function f(x) log = log .. x return x end local _ = f("a") .. f("b") .. f("c") return log
local a = 1 local function f() a = 2 return 10 end return a + f(), a
local a = 1 local function f() a = a + 1 return a end return a .. f() .. a
local a = 1 local function f() a = 5 return 1 end local t = {} t[a] = f() return t[1], t[5]
local a = 1 local function g() local function f() a = 2 return 10 end return a + f() end return g()
local a = 1 local function f() a = 2 return 10 end return (a < f()), a
local x = {} local function f() x = {k = 2} return "k" end return x[f()]
local function f(a, a) return a end return f(1, 2)
local a, a = 1, 2 return a
local a = {} a.x, a = 1, {x = 2} return a.x
local a = {} local b = a a, a.x = {}, 5 return a.x, b.x
return 1, nil, 3
return nil, nil
local t = {n = 0} for i = 1, 3 do t.n = t.n + i end return t.n
local mt = {} mt.__index = mt function mt.new(v) return setmetatable({v = v}, mt) end function mt:get() return self.v end return mt.new(5):get()
local function outer() local a = 1 local function middle() local function inner() a = a + 1 return a end return inner end return middle(), function() return a end end local inc, get = outer() inc() return inc(), get()
local t = {} for i = 1, 3 do t[#t + 1] = function(...) return i, ... end end return t[2](5)
local r = {} for i = 1, 3 do for j = 1, 3 do if j == 2 then break end r[#r+1] = i .. j end end return r
local r = {} for _, v in ipairs({3, 1, 2}) do r[#r + 1] = v end return r
local a = "x" local t = {[a] = 1, [a .. "y"] = 2} return t.x, t.xy
local t = {{1, 2}, {3, 4}} return t[1][2], t[2][1], #t, #t[1]
local a; a = 1; local f = function() a = a + 1 end; f(); f(); return a
local function f(n) if n > 0 then return f(n - 1) end return "done" end return f(10000)
local function a(n) if n == 0 then return 0 end return 1 + a(n - 1) end return a(150)
local function f(n) if n == 0 then return "end" end return f(n - 1) end return f(200000)
local a, b local function f(n) if n == 0 then return "end" end return b(n - 1) end b = function(n) return f(n) end return f(100000)
return ((function(...) return ... end)(1, 2, 3))
return (function(...) return select('#', ...) end)(nil, nil, nil)
return #"abc" + 1, -#"abc", not #"x", #"a" == 1
return 2 ^ 3 ^ 2, -2 ^ 2, 2 * -1, 2 - -1, 2 - - 1
return "a" == "a" and "yes" or "no", 1 == 2 and "yes" or "no"
local t = {} t["a b"] = 1 t[1] = 2 t[-1] = 3 t[0] = 4 t[1.5] = 5 t[true] = 6 return t["a b"], t[1], t[-1], t[0], t[1.5], t[true], t[false]
local k = {} local t = {[k] = 1} return t[k], t[{}]
local t = {} t[2^53] = 1 return t[2^53], t[2^53 + 1]
local t = {} t.__proto__ = 1 t.constructor = 2 t.toString = 3 t.hasOwnProperty = 4 return t.__proto__, t.constructor, t.toString, t.hasOwnProperty, t.valueOf
local t = {} return t.__proto__, t.constructor, t.prototype, t["__defineGetter__"]
local constructor, prototype, __proto__, arguments, eval, this, var, let, await = 1, 2, 3, 4, 5, 6, 7, 8, 9 return constructor + prototype + __proto__ + arguments + eval + this + var + let + await
local function f(new, delete, class, enum, null, undefined, NaN) return new, delete, class, enum, null, undefined, NaN end return f(1, 2, 3, 4, 5, 6, 7)
local M, E, S, R, va, t0, c, d, g0 = 1, 2, 3, 4, 5, 6, 7, 8, 9 for i = 1, 2 do c = c + 1 end return M, E, S, R, va, t0, c, d, g0
local index, isArray, first, all, Table = 1, 2, 3, 4, 5 return index, isArray, first, all, Table, #{1}, math.abs(-1)
