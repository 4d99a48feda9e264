-- What is no Lua, and the messages about it.
x =
return return
local = 5
local 5
for
for i
for i =
for i = 1
for i = 1, 2
for i = 1, 2 do
for i in
for 5 = 1, 2 do end
if
if x
if x then
if true then else
if true then elseif
while
while true
while true do
repeat
repeat until
function
function f
function f(
function f(a
function f(a,
function f(a,) end
function f(...,a) end
function f(1) end
function f.1() end
function f:a.b() end
local function
local function f.a() end
local function f:a() end
local f = function
x y
x = 1 2
f(
f(1
f(1,
f(1,)
(f
(f)
f
f.x
f[1]
f:x
f:
f.
f.5
f["x"
a.b:c
a, b
a, b =
a, f() = 1, 2
f() = 1
(a) = 1
(a).b = 1 return 5
a + 1
1 = a
"x" = 1
nil = 1
return 1 +
return + 1
return 1 2
return ,
return 1,
return (1
return {1
return {1,
return {1 2}
return {[1}
return {[1]}
return {[1] 2}
return {x =}
return {=}
return {,}
return {1,,2}
return {;}
return {1;2;}
return [[x
return [=[x]]
return [=x
return "x
return 'x
return "x\
return "\300"
return "\256"
return "\x41"
return 1x
return 1e
return 1e+
return 0x
return 0xg
return 1..2
return 1.2.3
return 3 .. 4
return 08
return 1_000
return 1.e5
return .5.
return ..
return ...5
return @
return $
return a!
return a != b
return !a
return a ~ b
return a == = b
return a = b
return a && b
return a ? b : c
return `x`
return #
return -
return not
return a.and
return a.end
end
until
else
elseif x then
then
do
do end end
break
break x
if true then break end
while true do break x end
for i = 1, 2 do break end return "ok"
while true do break; end return "ok"
function f() break end
for i = 1, 2 do local function f() break end end
return ...
local function f() return ... end
local function f() return function() return ... end end
goto x
::x::
x = 1; ; y = 2
;
return;
return;;
return 1;
local x; ; return x
-- comment only
--[[ unfinished
--[==[ also ]] unfinished
--[[ done ]] return 1
--[==[ done ]] ]==] return 1
-- [[ not long ]] return 1
return 1 -- end
return 1 --[[ x ]] + 2
return [[a]] .. [==[b]==]
return "a" "b"
return f"x"
local function f(x) return x end return f"x", f'y', f[[z]], f{1}[1]
local function f(x) return x end return f
  (1)
local f = function(x) return x end
  (f)(1)
local function id(x) return x end return id{1, 2}[2], id"abc":upper()
local t = {f = function(self, x) return x end} return t:f"x", t:f{1}[1]
return ("x"):upper()
return "x":upper()
return {1}[1]
return ({1})[1]
return function() end()
return (function() return 1 end)()
local a <close> = 1
local a, = 1
local a = 
local a = 1,
local a b
a.b.c
a.b.c = 
a[1] = 
and
or
not
nil
true
local and = 1
local x = function end
local t = {a.b = 1}
local t = {1 = 2}
local t = {"x" = 1}
local t = {["x"] = 1, y = 2, 3} return t.x, t.y, t[1]
return a b c
return 0x1p4, 1e2, 1E2, 1e+2, 1e-2
return "\065\10\1x", #"\0001"
return 'a\
  b'
return "tab	inside"
return "\q\w"
local x = 5 x = x + = 1
local x += 1
x++
x.y++
return 5 // 2
return 5 & 3, 1 << 2
return ~5
local s = [[
  x]] return #s
return (((((((((((1)))))))))))
while 1 do return "x" end
repeat return "y" until true
local a = {f = function() return {g = function() return 5 end} end} return a.f().g()
if x then end end
return (...)
return (... )
local function f(...) return (... + 1) end return f(1)
return [[ a [[ b ]], 1
return loadstring("return " .. string.rep("(", 197) .. "1" .. string.rep(")", 197)) ~= nil
return loadstring("return " .. string.rep("(", 198) .. "1" .. string.rep(")", 198), "=s")
return loadstring(string.rep("do ", 198) .. string.rep(" end", 198), "=s") ~= nil
return loadstring(string.rep("do ", 199) .. string.rep(" end", 199), "=s")
return loadstring("return " .. string.rep("-", 197) .. "1", "=s")
return loadstring("return " .. string.rep("- ", 197) .. "1", "=s") ~= nil, loadstring("return " .. string.rep("- ", 198) .. "1", "=s")
return loadstring("return " .. string.rep("{", 197) .. string.rep("}", 197), "=s") ~= nil, loadstring("return " .. string.rep("{", 199) .. string.rep("}", 199), "=s")
return loadstring("return " .. string.rep("a .. ", 197) .. "a", "=s") ~= nil, loadstring("return " .. string.rep("a .. ", 199) .. "a", "=s")
return loadstring("local " .. string.rep("a, ", 199) .. "b", "=s") ~= nil, loadstring("local " .. string.rep("a, ", 200) .. "b", "=s")
return loadstring(string.rep("local a ", 200), "=s") ~= nil, loadstring(string.rep("local a ", 201), "=s")
return loadstring("\nfunction f() " .. string.rep("local a ", 201) .. " end", "=s")
return loadstring("function f(" .. string.rep("a, ", 200) .. "b) end", "=s")
return loadstring(string.rep("for i = 1, 2 do ", 50) .. string.rep(" end", 50), "=s") ~= nil, loadstring(string.rep("for i = 1, 2 do ", 51) .. string.rep(" end", 51), "=s")
return loadstring(string.rep("for k in 1 do ", 50) .. string.rep(" end", 50), "=s") ~= nil, loadstring(string.rep("for k in 1 do ", 51) .. string.rep(" end", 51), "=s")
return loadstring(string.rep("a, ", 198) .. "a = 1", "=s") ~= nil, loadstring(string.rep("a, ", 199) .. "a = 1", "=s")
local s = "" for i = 1, 61 do s = s .. "local v" .. i .. " " end local function use(n) local u = "" for i = 1, n do u = u .. "+v" .. i end return loadstring(s .. " function f() return 0" .. u .. " end", "=s") end return use(60) ~= nil, use(61)
local s = "" for i = 1, 61 do s = s .. "local v" .. i .. " " end local u = "" for i = 1, 61 do u = u .. "+v" .. i end return loadstring(s .. " function f()\nreturn function() return 0" .. u .. " end end", "=s")
