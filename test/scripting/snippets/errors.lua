-- error, assert, pcall, xpcall, positions and levels.
error("msg")
error("msg", 0)
error("msg", 1)
error("msg", 2)
error("msg", 3)
error()
error(nil)
error({code = 1})
error(5)
error(5, 0)
error(true)
error("x", "1")
error("x", {})
local function f() error("in f") end f()
local function f() error("in f", 2) end
  f()
local function f() error("in f", 3) end
  local function g()
  f()
  end
  g()
local function f() return error("in f") end f()
local function f() error({a = 1}) end local ok, e = pcall(f) return ok, type(e), e.a
return pcall(error, "x")
return pcall(error, "x", 0)
return pcall(error, "x", 1)
return pcall(error, "x", 2)
return pcall(error)
return pcall(error, nil)
return pcall(error, {1})
return pcall()
return pcall(5)
return pcall(nil)
return pcall({})
return pcall("x")
return pcall(function() return 1, 2, 3 end)
return pcall(function(...) return ... end, 1, nil, 3)
return pcall(pcall, error, "x")
return pcall(pcall)
return pcall(function() error("a") end)
return pcall(function() error("a", 2) end)
return pcall(function() error("a", 0) end)
return pcall(function() local x = nil; return x.y end)
return pcall(function() local x = nil
  return x.y
  end)
return pcall(function()
  local t = {}
  t.x.y = 1
  end)
return pcall(function()
  local t = {}
  t
  .x
  .y = 1
  end)
local ok, e = pcall(function()
  local a = 1
  local b = a
  + nil
  end) return e
local ok, e = pcall(function()
  local a = {}
  local b = a.x +
  a.y
  end) return e
local ok, e = pcall(function()
  math.floor(
  "x"
  )
  end) return e
local ok, e = pcall(function()
  local f
  f(
  1,
  2)
  end) return e
local ok, e = pcall(function()
  for i = 1,
  nil
  do
  end
  end) return e
local ok, e = pcall(function()
  for k, v in
  nil
  do
  end
  end) return e
local ok, e = pcall(function()
  local s = "a" ..
  "b" ..
  {}
  end) return e
local ok, e = pcall(function()
  return {} <
  1
  end) return e
local ok, e = pcall(function()
  local t = {
  [nil] = 1
  }
  end) return e
local ok, e = pcall(function()
  local t = nil
  return t
  [1]
  end) return e
local ok, e = pcall(function()
  local t = {}
  t.a, t.b.c = 1,
  2
  end) return e
local ok, e = pcall(function()
  return -
  {}
  end) return e
local ok, e = pcall(function()
  local t = {}
  t:nothing(
  1
  )
  end) return e
local ok, e = pcall(function()
  local t = {}
  t.x
  .y
  :z()
  end) return e
local ok, e = pcall(function()
  error(
  "x"
  )
  end) return e
local function lvl1() error("deep", 2) end
  local function lvl2()
  lvl1()
  end
  local ok, e = pcall(lvl2)
  return e
return xpcall(function() error("x") end, function(m) return "handled: " .. m end)
return xpcall(function() return 1, 2 end, function() end)
return xpcall(function() error({1}) end, function(m) return type(m) end)
return xpcall(function() error() end, function(m) return type(m) end)
return xpcall(function() local x = nil; x() end, function(m) return m end)
return xpcall(error, function(m) return m end)
return xpcall(function() error("x") end, function() return 1, 2 end)
return xpcall(function() error("x") end)
return xpcall(function() error("x") end, 5)
return xpcall(5, function(m) return m end)
return xpcall()
return xpcall(function() error("a") end, function(m) error("b") end)
return assert(1, 2, 3)
return assert(false)
return assert(nil, "message")
return assert(false, "message")
return assert(false, 5)
return assert(false, {})
return assert(nil, nil)
return assert()
return assert("x")
return select('#', assert(1, nil, nil))
return pcall(assert, false)
return pcall(assert, false, "m")
return pcall(assert, nil, nil)
return pcall(assert)
local ok, e = pcall(function() assert(false, "here") end) return e
local ok, e = pcall(string.rep) return e
local ok, e = pcall(string.rep, "x") return e
local ok, e = pcall(string.rep, "x", {}) return e
local ok, e = pcall(function() string.rep() end) return e
local ok, e = pcall(function() ("x"):rep() end) return e
local ok, e = pcall(function() ("x"):rep({}) end) return e
local ok, e = pcall(function() local s = string s.rep() end) return e
local ok, e = pcall(function() local rep = string.rep rep() end) return e
local ok, e = pcall(function() local t = {r = string.rep} t.r() end) return e
local ok, e = pcall(function() local t = {r = string.rep} t:r(1) end) return e
local ok, e = pcall(function() local t = {string.rep} t[1]() end) return e
local rep = string.rep local ok, e = pcall(function() rep() end) return e
local ok, e = pcall(function() string.rep({}, 1) end) return e
local ok, e = pcall(function() string.rep("x", "y") end) return e
local ok, e = pcall(function() string.rep(nil, 1) end) return e
local ok, e = pcall(function() string.byte("x", {}) end) return e
local ok, e = pcall(function() math.floor({}) end) return e
local ok, e = pcall(function() math.floor() end) return e
local ok, e = pcall(function() math.max() end) return e
local ok, e = pcall(function() math.max(1, "x") end) return e
local ok, e = pcall(function() return (string.rep)() end) return e
local ok, e = pcall(function() return string["rep"]() end) return e
local k = "rep" local ok, e = pcall(function() return string[k]() end) return e
local ok, e = pcall(function() return tostring() end) return e
local ok, e = pcall(function() return ipairs() end) return e
local ok, e = pcall(function() return setmetatable(1) end) return e
local ok, e = pcall(function() for i in string.rep do end end) return e
local ok, e = pcall(function() table.sort({3, 2, 1}, function(a, b) error("cmp") end) end) return e
local ok, e = pcall(function() table.sort({3, "x", 1}) end) return e
local ok, e = pcall(function() table.sort({{}, {}}) end) return e
local ok, e = pcall(function() table.concat({{}}) end) return e
local ok, e = pcall(function() table.concat({1, {}, 3}, ",") end) return e
local ok, e = pcall(function() string.gsub("abc", "%w", function() error("cb") end) end) return e
local ok, e = pcall(function() string.gsub("abc", "%w", function() return {} end) end) return e
local ok, e = pcall(function() string.gsub("abc", "(", "x") end) return e
local ok, e = pcall(function() string.format("%d", "x") end) return e
local ok, e = pcall(function() string.format("%d") end) return e
local ok, e = pcall(function() string.format("%y", 1) end) return e
local ok, e = pcall(function() return #5 end) return e
local function f() local x = 1 + {} end local ok, e = pcall(f) return e
local t = {} function t.method() error("m") end local ok, e = pcall(t.method) return e
local ok, e = pcall(function() error(setmetatable({}, {__tostring = function() return "obj" end})) end) return tostring(e)
local ok, e = pcall(function() error("multi\nline") end) return e
local ok, e = pcall(function() error("with \0 zero") end) return #e
local ok, e = pcall(function() error(1.5) end) return e, type(e)
local ok, e = pcall(function() error(1e15) end) return e, type(e)
local ok1, ok2, e = pcall(pcall, function() error("x") end) return ok1, ok2, e
local r = {} for i = 1, 3 do local ok, e = pcall(function() if i == 2 then error("two") end return i end) r[i] = tostring(ok) .. tostring(e) end return r
local function f() local ok, e = pcall(error, "inner") error(e, 0) end return pcall(f)
local function thrower(level) error("lvl", level) end
  local function a(level)
  thrower(level) end
  local r = {} for i = 0, 5 do local ok, e = pcall(a, i) r[i + 1] = e end return r
local co = coroutine.create(function() error("in co") end) return coroutine.resume(co)
local co = coroutine.create(function() error({}) end) local ok, e = coroutine.resume(co) return ok, type(e)
local f = coroutine.wrap(function() error("in wrap") end) return pcall(f)
local f = coroutine.wrap(function() error("in wrap") end) f()
local f = coroutine.wrap(function() local x = nil; x.y = 1 end) return pcall(f)
local n = 0 local function f() n = n + 1 return 1 + f() end local ok, e = pcall(f) return ok, e
local function f() return pcall(f) end return f()
local n = 0 local function f() n = n + 1 pcall(f) end f() return n
local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end return pcall(function() return t.x end)
local s = string.rep("x", 100) local ok, e = pcall(error, s) return #e
local f = loadstring("error('in chunk')") return pcall(f)
local f = loadstring("error('in chunk')", "=name") return pcall(f)
local f = loadstring("error('in chunk')", "@file.lua") return pcall(f)
local f = loadstring("\n\nerror('in chunk')", "some code") return pcall(f)
local f = loadstring("local x = nil\nx()") return pcall(f)
local f = loadstring("error('long chunk name that does not fit in the sixty characters there are')") return pcall(f)
local f = loadstring("return ...") return f(1, 2, 3)
local f = loadstring("local a, b = ... return b, a") return f(1, 2)
local f = loadstring("return 1,") return f
return loadstring("return 1,")
return loadstring("x =")
return loadstring("x = = 2", "=chunk")
return loadstring("x = = 2", "@chunk")
return loadstring("for", "a chunk\nof two lines")
return loadstring("")
return loadstring()
return loadstring({})
return loadstring(5)
local r = {"return ", "1 ", "+ 2"} local i = 0 local f = load(function() i = i + 1 return r[i] end) return f()
local f, e = load(function() error("reader") end) return f, e
return load(function() return 5 end == nil)
local f, e = load(function() return {} end) return f, e
local done local f, e = load(function() if done then return nil end done = true return "x =" end) return f, e
local done local f, e = load(function() if done then return nil end done = true return "x =" end, "=name") return f, e
return load("return 1")
return load()
local a, b = nil, "s" return pcall(function() return ((a or "x") and b) / {} end)
local a, b = 1, {} return pcall(function() return (a and b) + 1 end)
local a, b = 1, {} return pcall(function() return (a and nil or b) + 1 end)
local a, b = 1, {} return pcall(function() return (1 and b) + 1 end), pcall(function() return ((nil or 1) and b) + 1 end)
local a, b = 1, {} return pcall(function() return ((a or a) and b) + 1 end)
local a, b = false, true return pcall(function() return -((not (a or a)) or b) end)
local a, b = {}, false return pcall(function() return (not a or b).k end)
local a, b = {}, false return pcall(function() return (not nil and b).k end)
local a, b = 1, 2 return pcall(function() return ((a == b and a) or b).k.j end)
local a, b = 1, 2 return pcall(function() return ((a == b) or (1 and b)).k.j end)
local t = {} return pcall(function() return ((t.a and t.b) or t.c) + 1 end)
local t = {} return pcall(function() return (1 and ((t.a)))() end)
local t = {} return pcall(function() ((t.a and 1) or t.b).x = 1 end)
local t = {} return pcall(function() return t[("k")] + 1 end), pcall(function() return t[1 and "k"] + 1 end)
local m = setmetatable({}, {__concat = function() return nil end}) return pcall(function() return "a" .. m .. "b" end)
local m = setmetatable({}, {__concat = function() return nil end}) return pcall(function() return "a" .. ((m .. "b")) end)
local m = setmetatable({}, {__concat = function() return nil end}) return pcall(function() return ("a" .. m) .. "b" end)
return (1) + (2), -(0), not nil, not 1, (nil), ("x"):rep(2), #("ab"), (1 and 2) + 3, (nil or "4") * 2
