-- Numbers, strings, coercions, comparison, tostring and tonumber.
return 1, 1.5, -0.25, 1e3, 1e100, .5, 3., 0x10, 0xff, 0xA.8, 1e-7
return 10/2, 7/2, 1/3, 2/3, 100/3, 1e15, 1e14, 123456789012345, 12345678901234
return tostring(10/2), tostring(7/2), tostring(1/3), tostring(2/3), tostring(1e15), tostring(1e14), tostring(123456789012345)
return tostring(2^53), tostring(2^63), tostring(2^31), tostring(-2^31), tostring(0.1), tostring(0.1+0.2)
return tostring(1e100), tostring(1e-5), tostring(1e-4), tostring(0.00012345), tostring(123456.789), tostring(5e-324), tostring(1.7976931348623157e308)
return tostring(3.14159265358979), tostring(31415926535.8979), tostring(99999999999999), tostring(999999999999999), tostring(0.99999999999999), tostring(0.999999999999999)
return tostring(1/0), tostring(-1/0), tostring(0/0)
return 1/0 == math.huge, -1/0 == -math.huge, 0/0 == 0/0, 0/0 ~= 0/0
return 5 % 3, -5 % 3, 5 % -3, -5 % -3, 5.5 % 2, -5.5 % 2, 5 % 0.3
return 5 % math.huge, -5 % math.huge, 5 % -math.huge, 0 % 5
return 5 % 0, -5 % 0, 0 / 0, 1 % 0
return 2^10, 2^0.5, 2^-1, (-2)^2, -2^2, (-8)^(1/3), 0^0, 2^1024, (-2)^3
return 1^(0/0), (0/0)^0, (-1)^math.huge, 1^math.huge, 0.5^math.huge, 2^-math.huge
return 1 + "2", "3" * "4", "10" / 2, "2" ^ 2, "7" % 4, -"3", "0x10" + 0, " 5 " + 1, "1e2" + 0
return 10 .. 20, 1 .. "", "" .. 2.5, 1e20 .. "x", -0.5 .. "", (2^53) .. ""
return "a" .. "b" .. "c" .. 1 .. 2, 1 .. 2 == "12"
return "abc" < "abd", "abc" < "ab", "" < "a", "Z" < "a", "a" <= "a", "b" > "a", "a" >= "b", "a\0b" < "a\0c", "\200" > "a"
return 1 < 2, 2 < 1, 1 <= 1, 1 >= 2, 1 == 1.0, "1" == 1, 1 ~= "1", nil == false, true ~= false
return 0 == -0, 1/(-0) == 1/0, 0 and "zero is true", "" and "empty is true"
return not nil, not false, not 0, not "", not {}, not not nil
return nil and 1, false and 1, 1 and 2, nil or 1, false or nil, 1 or 2, nil and nil or 3
return 1 and nil or 2, false or false, nil or false, false and nil, 1 and 2 and 3, nil or false or 4
return #"", #"abc", #"a\0b", #{}, #{1,2,3}, #{1,nil,3}, #{nil}, #{nil,nil,3}
return "a\tb\nc\\d\"e\'f\65\066\0677\z", '\a\b\f\v\r', "\0", "\255"
return [[long
  string]], [==[with ]] inside]==], [[
  first line dropped]]
return 'it''s' == nil
return tostring(nil), tostring(true), tostring(false), tostring(12), tostring("x"), tostring(-1.5)
return tonumber("10"), tonumber("0x1F"), tonumber("1e3"), tonumber("  7  "), tonumber("7x"), tonumber(""), tonumber(" "), tonumber("0x"), tonumber("1 2")
return tonumber("1e"), tonumber("e1"), tonumber("."), tonumber(".5"), tonumber("5."), tonumber("-.5"), tonumber("- 1"), tonumber("+1"), tonumber("--1")
return tonumber("inf"), tonumber("-inf"), tonumber("infinity"), tonumber("INF"), tonumber("nan") ~= tonumber("nan"), tonumber("infx"), tonumber("nano")
return tonumber("0x1p4"), tonumber("0x.8"), tonumber("0xA.8p1"), tonumber("0X10"), tonumber("-0x10"), tonumber("0x1g"), tonumber("1p4")
return tonumber("10", 2), tonumber("ff", 16), tonumber("zz", 36), tonumber("8", 8), tonumber("77", 8), tonumber("-ff", 16), tonumber("0xff", 16), tonumber(" 11 ", 2)
return tonumber("1e1", 16), tonumber("1.5", 16), tonumber("", 16), tonumber("g", 16), tonumber(10, 16), tonumber(1.5, 16), tonumber("7fffffffffffffff", 16)
return tonumber("ffffffffffffffff", 16), tonumber("10000000000000000", 16), tonumber("-1", 36), tonumber("0x", 16), tonumber("0x1", 36)
return tonumber(nil), tonumber(true), tonumber({}), tonumber(5), tonumber("10", 10), tonumber("0x10", 10)
return tonumber()
return tonumber("1", 1)
return tonumber("1", 37)
return tonumber({}, 16)
return tonumber("1\0002"), tonumber("5\0"), "5\0abc" + 1
return tonumber("1234567890123456789"), tonumber("9007199254740993"), tonumber("0.1e1"), tonumber("1E+2"), tonumber("1e-2"), tonumber("1e400"), tonumber("1e-400")
return 9007199254740992 + 1, 9007199254740993, 2^53 == 2^53 + 1, 1e308 * 10, -1e308 * 10
return 0x100000000, 0xffffffff, 0x7fffffffffffffff, 0xffffffffffffffffff, 1721234567*1000, 4294967296 * 4294967296
return type(1), type("x"), type(nil), type(true), type({}), type(print), type(type), type(function() end), type(coroutine.create(function() end))
return type(1), type("x"), type(nil), type(true), type({}), type(type), type(function() end), type(coroutine.create(function() end))
return type()
return -2^2, 2^-2, -2^-2, not 1 == 2, not (1 == 2), -"2"^2, 2^3^2, 1 .. 2 .. 3
return 1 + 2 * 3 - 4 / 2, (1 + 2) * 3, 2 * 3 % 4, 2 + 3 .. "", "a" .. 1 + 2, 1 < 2 == true, "1" + 1 .. "2"
return 1 or error("no"), nil and error("no"), false == nil, 1 < 2 and 2 < 3
return -0 == 0, tostring(0), tostring(0 * 1), 0 * -1, tostring(0 * -1)
return tostring(-0)
local zero = 0 return tostring(-zero), -zero == 0
return 1e308 + 1e308, -(1e308 + 1e308), 1e-320, 4.9e-324, 2.2250738585072014e-308
return 1 == "1", "abc" == "abc", {} == {}, 0.1 + 0.2 == 0.3, 1e15 == 10^15
local t = {} return t == t, t ~= t, rawequal(t, t), rawequal(t, {}), rawequal("a", "a"), rawequal(1, 1.0), rawequal(nil, false)
return rawequal(1)
return 3 .. 4, 3.0 .. "", 1e14 .. "", 1e15 .. "", 0.1 .. "", 1/3 .. ""
return "10" + 5, "0x10" * 2, "abc" + 1
return "" + 1
return " " + 1
return {} .. "x"
return "x" .. {}
return "x" .. nil
return nil .. "x"
return "x" .. true
return 1 .. {} .. "x"
return "a" .. "b" .. nil .. "c"
local a, b = "x", nil return a .. b
local a, b = nil, "x" return a .. b
local t = {} return "x" .. t.y
local t = {} return t.y .. "x"
local t = {} return "x" .. t.y .. "z"
return 1 + nil
return nil + 1
return {} + 1
return 1 + {}
return "a" + "b"
return true + 1
return -{}
return -nil
return -"x"
return #5
return #nil
return #true
return 1 < "1"
return "1" < 1
return nil < 1
return 1 < nil
return {} < {}
return {} < 1
return nil < nil
return true < false
return function() end < function() end
return 1 <= "x"
return 1 > nil
return nil > 1
return {} >= {}
return "a" >= 1
return coroutine.create(function() end) < "x"
local x = 5 return x.y
local x = 5 return x.y.z
local x = true return x.y
local x return x.y
local x return x[1]
local x return x[1][2]
local x = {} return x.y.z
local x = {} return x[1].z
local x = {} return x[1][2]
local x = {} return x.a.b.c
local x = {a={}} return x.a.b.c
local x = {} local k = "key" return x[k].z
local x = {} x.y.z = 1
local x x.y = 1
local x = 1 x.y = 1
local x = 1 x[1] = 1
local x = {} x[nil] = 1
local x = {} x[0/0] = 1
local x = {} return x[nil], x[0/0]
local s = "abc" return s.x, s.len, s[1]
local s = "abc" s.x = 1
return ("x").y.z
return (1).y
return (nil).y
return math.nothing.x
return math.nothing()
return math.pi()
return math()
return math + 1
return math .. ""
return -math
return #math.pi
local f = 5 f()
local f f()
local t = {} t.f()
local t = {} t:f()
local t = {} t.a.b()
local t = {} t.a:b()
local t = {} t[1]()
local t = {x=5} t.x()
local t = {x=5} t:x()
local s = "x" s:nothing()
local function f() end f().x = 1
local function f() end return f().x
local function f() end return f()()
local function f() return {} end return f().x.y
return (function() end)().x
return ("x")()
return (5)()
return ({})()
return nil()
local t = {} return t.x + 1
local t = {} return 1 + t.x
local t = {} return t.x * t.y
local t = {} return t[1] + 1
local t, k = {}, "k" return t[k] + 1
local t = {a={}} return t.a.b - 1
local x return x + 1
local x return 1 + x
local x return x + x
local x return -x
local t = {} return -t.x
local up local function f() return up + 1 end return f()
local up local function f() return up.x end return f()
local up local function f() return up() end return f()
local up local function f() return "x" .. up end return f()
local up local function f() up.x = 1 end return f()
local up = {} local function f() return up.x.y end return f()
local up = {} local function f() return up.x() end return f()
local up = {} local function f() return up:m() end return f()
local up local function f() return #up end return f()
local t = {} return #t.x
local x return #x
local a, b = 1, {} return a < b
local a, b = 1 return a < b
local t = {} return (t.x or t.y) + 1
local x, y return (x or y) + 1
local x, y return (x and y) + 1
local x, y return (x or y).z
local t = {} return (t.x or t.y).z
return (math.foo or math.bar).z
return (function() return nil end)() + 1
return #(function() return nil end)()
local a = {} a.b.c.d = 1
local a = {b={}} a.b.c.d = 1
local t = setmetatable({}, {__index = 5}) return t.x
local t = setmetatable({}, {__index = function() end}) return t.x.y
local x = 1 local y = x.z.w
return _G.math.x.y
return _G.string.format.x
return 5 ^ (1/3), 7 ^ 0.1, 2 ^ 0.5, 10 ^ -5, 3 ^ 40, 1.1 ^ 300, 1e-300 ^ 0.5, 1e200 ^ 1.3, (-3) ^ 33, (-2) ^ -1074, 2 ^ 1023.5, 0.1 ^ 2
local r = {} for i = 1, 120 do r[i] = (i * 0.37) ^ (i / 61 - 1.3) end return r
return 0 ^ 0, 0 ^ -1, (-0) ^ -3, (1/0) ^ -1, (-1/0) ^ 3, (-8) ^ (1/3) ~= (-8) ^ (1/3), 1 ^ (0/0), (-1) ^ (1/0), math.pow(2, 10), math.pow(9, 1.5)
