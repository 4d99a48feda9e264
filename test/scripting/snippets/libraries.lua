-- math, coroutines, and what is or is not there.
return math.abs(-5), math.abs(5), math.abs(-0.5), math.abs("-3"), math.abs(-math.huge)
return math.floor(1.5), math.floor(-1.5), math.floor(2), math.ceil(1.5), math.ceil(-1.5), math.ceil(2), math.floor("3.7"), math.floor(1e300), math.floor(math.huge)
return math.max(1, 3, 2), math.min(3, 1, 2), math.max(5), math.min(-1, -2), math.max("10", 9), math.max(1, math.huge), math.max(0/0, 1) ~= math.max(0/0, 1), math.max(1, 0/0)
return math.sqrt(16), math.sqrt(2), math.sqrt(-1) ~= math.sqrt(-1), math.exp(0), math.exp(1), math.log(1), math.log(10), math.log10(1000), math.log(0), math.pow(2, 10), math.pow(2, 0.5)
return math.fmod(7, 3), math.fmod(-7, 3), math.fmod(7, -3), math.fmod(5.5, 2), math.mod(7, 3), math.fmod(1, math.huge)
return math.modf(3.7), math.modf(-3.7), math.modf(5), math.modf(math.huge), math.modf(-math.huge)
return math.frexp(8), math.frexp(0.3), math.frexp(0), math.frexp(-5), math.frexp(1e-320), math.ldexp(0.5, 4), math.ldexp(1, -1074), math.ldexp(1, 1024), math.frexp(2^1023)
return math.sin(0), math.cos(0), math.tan(0), math.asin(1), math.acos(1), math.atan(1), math.atan2(1, 1), math.atan2(-1, -1), math.sinh(1), math.cosh(1), math.tanh(1)
return math.deg(math.pi), math.rad(180), math.pi, math.huge, -math.huge
return math.floor(-0.5), math.ceil(-0.5), math.fmod(-6, 2), math.abs(0)
return math.sqrt("x")
return math.sqrt()
return math.floor(nil)
return math.max()
return math.min({})
return math.pow(2)
return math.ldexp(1, "x")
return math.random(0)
return math.random(2, 1)
return math.random(1, 2, 3)
return math.random({})
math.randomseed(5) return math.random(), math.random(10), math.random(5, 10), math.random(-5, 5), math.random(1)
math.randomseed(12345) return math.random(), math.random(), math.random(1000000), math.random(100, 200)
math.randomseed(0) return math.random(100), math.random(100), math.random(100)
math.randomseed(-1) return math.random(100), math.random(100)
math.randomseed("x")
return math.floor(3.0000000001), math.floor(2^53), 7 - math.floor(7 / 2) * 2, math.floor(-7 / 2)
local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) local d, e = coroutine.yield(c * 2) return d + e end) return coroutine.resume(co, 1, 2), select(2, coroutine.resume(co, 10)), select(2, coroutine.resume(co, 3, 4)), coroutine.resume(co)
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) return co(), co(), co(), co()
local co = coroutine.wrap(function() return 1 end) co() return pcall(co)
local co = coroutine.wrap(function() return 1 end) co() co()
local co = coroutine.create(function() coroutine.yield() end) local s = {coroutine.status(co)} coroutine.resume(co) s[2] = coroutine.status(co) coroutine.resume(co) s[3] = coroutine.status(co) return s
local co co = coroutine.create(function() return coroutine.status(co), coroutine.running() == co end) return coroutine.resume(co)
local co co = coroutine.create(function() return coroutine.resume(co) end) return coroutine.resume(co)
local outer outer = coroutine.create(function() local inner = coroutine.create(function() return coroutine.status(outer) end) return coroutine.resume(inner) end) return coroutine.resume(outer)
return coroutine.running()
return coroutine.yield(1)
return pcall(coroutine.yield, 1)
return coroutine.create(5)
return coroutine.create()
return coroutine.create(print == nil)
return coroutine.create(math.floor)
return coroutine.wrap(math.floor)
return coroutine.resume(5)
return coroutine.resume()
return coroutine.status(5)
return coroutine.wrap()
local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end local s = 0 for i in gen(10) do s = s + i end return s
local function tree(t) if t then tree(t[1]) coroutine.yield(t[2]) tree(t[3]) end end local r = {} for v in coroutine.wrap(function() tree({{nil, 1}, 2, {{nil, 3}, 4}}) end) do r[#r + 1] = v end return r
local co = coroutine.create(function() local ok, e = pcall(function() coroutine.yield(1) end) return ok, e end) return coroutine.resume(co)
local co = coroutine.create(function() local t = setmetatable({}, {__index = function(t, k) return coroutine.yield(k) end}) return t.x end) return coroutine.resume(co)
local co = coroutine.create(function() table.sort({3, 2, 1}, function(a, b) coroutine.yield() return a < b end) end) return coroutine.resume(co)
local co = coroutine.create(function() for i in function() return coroutine.yield(1) end do end end) return coroutine.resume(co)
local co = coroutine.create(function(...) return select('#', ...), ... end) return coroutine.resume(co, 1, nil, 3)
local co = coroutine.create(function() return coroutine.yield(1, nil, 3) end) return coroutine.resume(co), coroutine.resume(co, "a", nil)
local co = coroutine.create(function() local function f(n) if n == 0 then coroutine.yield("deep") return 0 end return 1 + f(n - 1) end return f(50) end) local _, a = coroutine.resume(co) local _, b = coroutine.resume(co) return a, b
local co = coroutine.create(function() coroutine.yield(coroutine.yield(1)) end) coroutine.resume(co) return coroutine.resume(co, "x")
local a = coroutine.wrap(function() local b = coroutine.wrap(function() coroutine.yield(1) coroutine.yield(2) end) coroutine.yield(b()) coroutine.yield(b()) end) return a(), a()
local log = {} local function producer() return coroutine.create(function() for i = 1, 3 do coroutine.yield("item" .. i) end return "done" end) end local p = producer() while coroutine.status(p) ~= "dead" do local ok, v = coroutine.resume(p) log[#log + 1] = v end return log
local co = coroutine.create(function() error("oops") end) local ok, e = coroutine.resume(co) return ok, e, coroutine.status(co), coroutine.resume(co)
local co = coroutine.create(function() local x = {} ; x.y.z = 1 end) return coroutine.resume(co)
local co = coroutine.wrap(function() local function f() error("lvl2", 2) end f() end) return pcall(co)
local t = {} for i = 1, 3 do t[i] = coroutine.wrap(function() local n = i while true do coroutine.yield(n) n = n * 2 end end) end return t[1](), t[2](), t[3](), t[1](), t[2](), t[3](), t[3]()
local co = coroutine.wrap(function(...) local args = {...} while true do args = {coroutine.yield(#args)} end end) return co(1, 2), co(), co(1), co(nil, nil)
local co = coroutine.create(function() return pcall(error, "in pcall") end) return coroutine.resume(co)
local co = coroutine.create(function() local s = "" for w in ("a b"):gmatch("%a") do s = s .. coroutine.yield(w) end return s end) coroutine.resume(co) coroutine.resume(co, "x") return coroutine.resume(co, "y")
local co = coroutine.create(function(self) function self:m(x) return coroutine.yield(x) end return self:m(5) end) return coroutine.resume(co, {}), coroutine.resume(co, 6)
local co = coroutine.create(function() return coroutine.resume(coroutine.create(function() coroutine.yield("inner") end)) end) return coroutine.resume(co)
local n = 0 local function f() n = n + 1 local co = coroutine.create(f) coroutine.resume(co) end f() return n > 150 and n < 250
return type(coroutine.create(function() end)), type(coroutine.wrap(function() end))
return collectgarbage(), collectgarbage("stop"), collectgarbage("restart"), type(collectgarbage("count")), collectgarbage("step") == true or collectgarbage("step") == false
return collectgarbage("nothing")
return type(gcinfo())
return _VERSION, _G == _G._G, type(_G), _G.string == string
return _G.nothing
return nothing
nothing = 1
_G.nothing = 1
_G["math"] = 1
math.x = 1
math.floor = nil
string.x = 1
return rawget(_G, "nothing"), rawget(_G, "math") == math
rawset(_G, "nothing", 1)
return rawset(math, "x", 1)
setmetatable(_G, {})
setmetatable(math, {})
getmetatable("").__index = nil
getmetatable("").x = 1
table.insert(math, 1)
return type(os), 1
return io
return require
return module
return dofile
return loadfile
return print
return getfenv
return setfenv
return newproxy
return debug
return package
local string = {x = 1} return string.x, ("a"):upper()
local ok, e = pcall(function() undefined_global = 1 end) return e
local ok, e = pcall(function() return undefined_global end) return e
local ok, e = pcall(function() undefined_function() end) return e
local ok, e = pcall(function() return undefined_global.x end) return e
local f = loadstring("return undefined_global") return pcall(f)
local f = loadstring("undefined_global = 1") return pcall(f)
local f = loadstring("local a = 5 return a * 2") return f()
local f = loadstring("return function(x) return x + 1 end") return f()(5)
local names = {} for k in pairs(string) do names[#names + 1] = k end table.sort(names) return table.concat(names, " ")
local names = {} for k in pairs(table) do names[#names + 1] = k end table.sort(names) return table.concat(names, " ")
local names = {} for k in pairs(math) do names[#names + 1] = k end table.sort(names) return table.concat(names, " ")
local names = {} for k in pairs(coroutine) do names[#names + 1] = k end table.sort(names) return table.concat(names, " ")
