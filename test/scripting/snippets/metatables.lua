-- Metatables and metamethods.
local t = setmetatable({}, {__index = function(t, k) return k .. "!" end}) return t.x, t[1], rawget(t, "x")
local t = setmetatable({}, {__index = {a = 1}}) return t.a, t.b
local t = setmetatable({a = 1}, {__index = {a = 2, b = 3}}) return t.a, t.b
local a = {x = 1} local b = setmetatable({}, {__index = a}) local c = setmetatable({}, {__index = b}) return c.x, c.y
local log = {} local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}) t.x = 5 t.x = 6 return t.x
local store = {} local t = setmetatable({}, {__newindex = store}) t.x = 5 return rawget(t, "x"), store.x
local t = setmetatable({x = 1}, {__newindex = function() error("no") end}) t.x = 2 return t.x
local mt = {__add = function(a, b) return "add" end, __sub = function() return "sub" end, __mul = function() return "mul" end, __div = function() return "div" end, __mod = function() return "mod" end, __pow = function() return "pow" end, __unm = function() return "unm" end, __concat = function() return "cat" end, __len = function() return 99 end}
  local t = setmetatable({}, mt) return t + 1, 1 + t, t - 1, t * 1, t / 1, t % 1, t ^ 1, -t, t .. "x", "x" .. t, 1 .. t, #t
local mt = {__eq = function(a, b) return true end} local a, b = setmetatable({}, mt), setmetatable({}, mt) return a == b, a ~= b, a == {}, rawequal(a, b), a == 1
local a, b = setmetatable({}, {__eq = function() return true end}), setmetatable({}, {__eq = function() return true end}) return a == b
local mt = {__lt = function(a, b) return a.v < b.v end, __le = function(a, b) return a.v <= b.v end} local a, b = setmetatable({v = 1}, mt), setmetatable({v = 2}, mt) return a < b, b < a, a <= b, a > b, a >= b
local mt = {__lt = function(a, b) return a.v < b.v end} local a, b = setmetatable({v = 1}, mt), setmetatable({v = 2}, mt) return a <= b, b <= a, a >= b
local a, b = setmetatable({}, {__lt = function() return true end}), setmetatable({}, {}) return a < b
local a = setmetatable({}, {__lt = function() return true end}) return a < 1
local a = setmetatable({}, {__lt = function() return 1 end}) return a < a, a <= a
local t = setmetatable({}, {__call = function(self, ...) return self, select('#', ...), ... end}) local s, n, a = t(1, 2) return s == t, n, a
local t = setmetatable({}, {__call = 5}) t()
local t = setmetatable({}, {__call = setmetatable({}, {__call = function() end})}) t()
local t = setmetatable({}, {__tostring = function() return "me" end}) return tostring(t)
local t = setmetatable({}, {__tostring = function() return 5 end}) return tostring(t)
local t = setmetatable({}, {__tostring = function() end}) return tostring(t)
local t = setmetatable({}, {__tostring = "x"}) return tostring(t)
local t = setmetatable({}, {__metatable = "locked"}) return getmetatable(t)
local t = setmetatable({}, {__metatable = "locked"}) setmetatable(t, {})
local t = setmetatable({}, {__metatable = false}) return getmetatable(t), pcall(setmetatable, t, nil)
return getmetatable("x").__index == string, getmetatable({}), getmetatable(1), getmetatable(nil)
return getmetatable()
return setmetatable(1, {})
return setmetatable({}, 1)
return setmetatable({})
return setmetatable({}, nil) ~= nil
local t = {} return setmetatable(t, {}) == t
local t = setmetatable({}, {__index = function(t, k) return rawget(t, k) end}) return t.x
local t = setmetatable({}, {__index = rawget}) return t.x
local t = setmetatable({}, {__index = string.rep}) return t.x
local t = setmetatable({}, {__index = function() return 1, 2 end}) return t.x
local t = setmetatable({}, {__add = function(a, b) return 1, 2 end}) return t + t
local a = {} setmetatable(a, {__index = a}) return a.x
local a, b = {}, {} setmetatable(a, {__index = b}) setmetatable(b, {__index = a}) return a.x
local a, b = {}, {} setmetatable(a, {__newindex = b}) setmetatable(b, {__newindex = a}) a.x = 1
local t = setmetatable({}, {__concat = function(a, b) return (type(a) == "table" and "T" or a) .. "+" .. (type(b) == "table" and "T" or b) end}) return "a" .. "b" .. t, t .. "a" .. "b", t .. t, 1 .. t
local t = setmetatable({}, {__concat = function(a, b) return t end}) return type("a" .. t .. "b")
local t = setmetatable({}, {__unm = function(a, b) return rawequal(a, b) end}) return -t
local t = setmetatable({}, {__add = 5}) return t + 1
local t = setmetatable({}, {__index = function(t, k) error("idx " .. k) end}) return t.foo
local t = setmetatable({}, {__index = function(t, k) error("idx " .. k, 2) end})
  return t.foo
local t = setmetatable({}, {__newindex = function(t, k, v) error("new " .. k .. tostring(v), 0) end}) t.foo = 1
local proxy = setmetatable({}, {__index = function(_, k) return k * 2 end}) local s = 0 for i = 1, 5 do s = s + proxy[i] end return s
local Animal = {} Animal.__index = Animal function Animal.new(n) return setmetatable({name = n}, Animal) end function Animal:speak() return self.name .. " speaks" end
  local Dog = setmetatable({}, {__index = Animal}) Dog.__index = Dog function Dog.new(n) local d = Animal.new(n) return setmetatable(d, Dog) end function Dog:bark() return self.name .. " barks" end
  local d = Dog.new("Rex") return d:speak(), d:bark(), getmetatable(d) == Dog
local t = setmetatable({1, 2, 3}, {__len = function() return 10 end}) return #t
local count = 0 local t = setmetatable({}, {__index = function(t, k) count = count + 1 rawset(t, k, k) return k end}) local _ = t.a, t.a, t.b return count
local t = setmetatable({}, {__index = math}) return t.floor(1.5), t.pi
local t = setmetatable({}, {__mode = "k"}) t[{}] = 1 return type(next(t))
local mt = {} local t = setmetatable({}, mt) mt.__index = function() return "late" end return t.x
local mt = {__index = function() return 1 end} local t = setmetatable({}, mt) mt.__index = nil return t.x
local t = setmetatable({}, {__eq = function() return nil end}) return t == setmetatable({}, getmetatable(t))
local mt = {__lt = function() return nil end} return setmetatable({}, mt) < setmetatable({}, mt)
local t = setmetatable({}, {__call = function(self, a) return a end}) return pcall(t, 5)
local t = setmetatable({}, {__call = function(self, a) error("in call") end}) return pcall(t, 5)
local t = setmetatable({}, {__index = function(t, k) return function(self, x) return k .. x end end}) return t:hello(5), t.world(t, 6)
local f = setmetatable({}, {__call = function(_, s, c) c = (c or 0) + 1 if c < 4 then return c end end}) local n = 0 for i in f do n = n + i end return n
local a = setmetatable({}, {__add = function(a, b) return "A" end}) local b = setmetatable({}, {__add = function(a, b) return "B" end}) return a + b, b + a, 1 + b, a + nil
local t = setmetatable({}, {__div = function(a, b) return type(a) .. type(b) end}) return t / 2, 2 / t, t / "x", t / t
local t = setmetatable({}, {__pow = function(a, b) return 2 end}) return 2 ^ t ^ 2
return rawset({}, "a", 1).a, rawget({a = 1}, "a")
return rawset({}, nil, 1)
return rawset({}, 0/0, 1)
return rawset(1, 2, 3)
return rawset({}, 1)
return rawget({})
return rawget(1, 2)
local t = {} return pcall(rawset, t, nil, 1)
return pcall(next, {}, "x")
return next({}, 1)
return next({}), next({5}), next({5}, 1), next({a = 1})
return next()
return next(1)
return next({1, 2, 3}, 5)
