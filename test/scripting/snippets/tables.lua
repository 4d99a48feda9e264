-- Order, borders, and the table library.
local t = {} for i = 1, 10 do t[i] = i end t[5] = nil return #t
local t = {1, 2, 3, 4, 5} t[5] = nil t[3] = nil return #t
local t = {1, 2, 3, 4, 5, 6, 7, 8} t[8] = nil t[4] = nil return #t
local t = {} for i = 1, 8 do t[i] = i end t[8] = nil t[4] = nil return #t
local t = {1, nil, 3, nil} return #t
local t = {nil, nil, 3, nil} return #t
local t = {nil, 2} return #t
local t = {n = 1, nil, 2} return #t
local t = {} t[1] = 1 t[2] = 2 t[4] = 4 return #t
local t = {} t[1] = 1 t[3] = 3 return #t
local t = {} t[2] = 2 return #t
local t = {} t[4] = 4 t[3] = 3 t[2] = 2 t[1] = 1 return #t
local t = {10, 20, 30, nil, 50} return #t
local t = {10, 20, 30, nil, 50, nil} return #t
local t = {} for i = 1, 100 do t[i] = i end for i = 100, 51, -1 do t[i] = nil end return #t
local t = {} for i = 1, 100 do t[i] = i end for i = 1, 50 do t[i] = nil end return #t
local t = {} for i = 1, 16 do t[i] = i end t[16] = nil t[15] = nil t[8] = nil return #t
local t = {x = 1, y = 2, z = 3} local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {} for _, k in ipairs({"one", "two", "three", "four", "five", "six", "seven"}) do t[k] = true end local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {} for i = 1, 20 do t["key" .. i] = i end local r = {} for k, v in pairs(t) do r[#r + 1] = k .. "=" .. v end return table.concat(r, ",")
local t = {} for i = 20, 1, -1 do t["key" .. i] = i end local r = {} for k, v in pairs(t) do r[#r + 1] = k end return table.concat(r, ",")
local t = {id = 1, name = "x", email = "e", age = 5, city = "c"} local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {1, 2, x = 1, 3, y = 2} local r = {} for k in pairs(t) do r[#r + 1] = tostring(k) end return r
local t = {[10] = 1, [5] = 2, [1] = 3, [7] = 4} local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {} for i = 1, 10 do t[i * i] = i end local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {} for i = 10, 1, -1 do t[i] = i end local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {} for i = 1, 10 do t[-i] = i end local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {} for i = 1, 5 do t[i + 0.5] = i end local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {[true] = 1, [false] = 2, x = 3, [0] = 4} local r = {} for k in pairs(t) do r[#r + 1] = tostring(k) end return r
local t = {a = 1, b = 2, c = 3, d = 4} t.b = nil t.e = 5 local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {a = 1, b = 2, c = 3, d = 4} t.b = nil t.d = nil t.e = 5 t.f = 6 t.g = 7 local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {} for i = 1, 50 do t["k" .. i] = i end for i = 1, 50, 2 do t["k" .. i] = nil end for i = 51, 60 do t["k" .. i] = i end local r = {} for k in pairs(t) do r[#r + 1] = k end return table.concat(r, " ")
local t = {} t.x = nil t.y = 1 t.z = 2 local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {1, 2, 3} t.x = 1 t[4] = 4 t.y = 2 t[5] = 5 local r = {} for k in pairs(t) do r[#r + 1] = tostring(k) end return r
local t = {} t.n = 0 for i = 1, 9 do t[i] = i t.n = t.n + 1 end t.last = true local r = {} for k in pairs(t) do r[#r + 1] = tostring(k) end return r
local t = {} for i = 1, 3 do t[i] = i t[i .. ""] = i end local r = {} for k in pairs(t) do r[#r + 1] = type(k) .. k end return r
local t = {first = 1, second = 2, third = 3} t[1] = "a" t[2] = "b" local r = {} for k, v in pairs(t) do r[#r + 1] = tostring(k) end return r
local t = {} t[1000000] = 1 t[1] = 2 t[2^40] = 3 local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {["a long key that has more than thirty-two characters in it"] = 1, ["another long key that has more than thirty-two characters"] = 2, short = 3} local r = {} for k in pairs(t) do r[#r + 1] = k end return r
local t = {a = 1} for k in pairs(t) do t[k] = nil t[k] = 2 end return t.a
local function f(...) local r = {} for k, v in pairs({...}) do r[#r + 1] = k end return r end return f(1, nil, 3)
local t = {10, 20, 30} local k, v = next(t) local r = {} while k do r[#r + 1] = k .. ":" .. v k, v = next(t, k) end return r
local t = {a = 1, b = 2} local k = next(t) t[k] = nil local k2 = next(t, k) return k, k2
return table.concat({}), table.concat({1, 2, 3}), table.concat({1, 2, 3}, ","), table.concat({"a"}, ","), table.concat({1, 2, 3}, ",", 2), table.concat({1, 2, 3}, ",", 2, 2), table.concat({1, 2, 3}, ",", 3, 2)
return table.concat({1.5, "x", 2^53, 1e20}, " ")
return table.concat({1, 2, 3}, 0)
return table.concat({1, nil, 3}, ",")
return table.concat({1, 2}, ",", 1, 3)
return table.concat({1, true})
return table.concat()
return table.concat(5)
return table.concat({}, {})
return table.concat({1, 2}, ",", "x")
local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) table.insert(t, 5, 9) return t
local t = {1, 2} table.insert(t, 5, "x") return #t, t[5]
local t = {1, 2} table.insert(t, 0, "x") return t[0], t[1], t[2], t[3]
local t = {1, 2} table.insert(t, -1, "x") return t[-1], t[1], t[3]
local t = {} table.insert(t, nil) return #t
table.insert({}, 1, 2, 3)
table.insert({})
table.insert()
table.insert(1, 2)
table.insert({}, "x", 1)
table.insert({}, {}, 1)
local t = {} table.insert(t, "2", "x") return t[2]
local t = {1, 2, 3} return table.remove(t), table.remove(t, 1), #t, t[1], table.remove(t), table.remove(t), #t
local t = {1, 2, 3} return table.remove(t, 2), t[1], t[2], t[3]
local t = {1, 2, 3} return table.remove(t, 4), table.remove(t, 0), table.remove(t, -1), #t
return table.remove({}), select('#', table.remove({})), select('#', table.remove({}, 1))
return table.remove({1, 2}, "1")
return table.remove()
return table.remove(1)
return table.remove({}, {})
local t = {3, 1, 2} table.sort(t) return t
local t = {"b", "a", "c"} table.sort(t) return t
local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return t
local t = {} for i = 1, 50 do t[i] = (i * 37) % 53 end table.sort(t) return table.concat(t, " ")
local t = {} for i = 1, 50 do t[i] = (i * 37) % 7 end table.sort(t, function(a, b) return a > b end) return table.concat(t, " ")
local t = {{k = 2, v = "a"}, {k = 1, v = "b"}, {k = 2, v = "c"}, {k = 1, v = "d"}, {k = 0, v = "e"}} table.sort(t, function(a, b) return a.k < b.k end) local r = {} for i, x in ipairs(t) do r[i] = x.v end return table.concat(r)
local n = 0 local t = {5, 3, 8, 1, 9, 2} table.sort(t, function(a, b) n = n + 1 return a < b end) return n
local log = {} local t = {5, 3, 8, 1} table.sort(t, function(a, b) log[#log + 1] = a .. "<" .. b return a < b end) return table.concat(log, " ")
local t = {1, 2, 3, 4, 5} table.sort(t, function() return true end) return t
local t = {3, 2, 1, 5, 4, 7, 6} return pcall(table.sort, t, function(a, b) return true end)
local t = {1, 2, 3} table.sort(t, function() return false end) return t
table.sort({1, "x"})
table.sort({1, 2, nil, 4})
table.sort({true, false})
table.sort({3, 2, 1}, 5)
table.sort({3, 2, 1}, nil)
table.sort()
table.sort(5)
local t = {"10", "9", "1", "b", "B", "a"} table.sort(t) return t
local mt = {__lt = function(a, b) return a.v < b.v end} local t = {} for i = 1, 5 do t[i] = setmetatable({v = 6 - i}, mt) end table.sort(t) return t[1].v, t[5].v
return table.getn({1, 2, 3}), table.maxn({1, 2, 3}), table.maxn({[10] = 1, [2.5] = 2, x = 3}), table.maxn({}), table.maxn({[-1] = 1})
return table.getn(5)
return table.setn({}, 1)
return table.maxn()
local r = {} table.foreach({a = 1}, function(k, v) r[#r + 1] = k .. v end) table.foreachi({5, 6}, function(i, v) r[#r + 1] = i .. v end) return r
return table.foreach({1, 2, 3}, function(k, v) if v == 2 then return "found" end end), table.foreachi({1, 2, 3}, function(i, v) if v == 3 then return i end end)
return table.foreach({}, 5)
return table.foreachi(5)
return unpack({1, 2, 3})
return unpack({1, 2, 3}, 2)
return unpack({1, 2, 3}, 2, 3)
return unpack({1, 2, 3}, 2, 5)
return unpack({1, nil, 3})
return unpack({}), select('#', unpack({})), select('#', unpack({}, 1, 3)), select('#', unpack({1, 2}, 3))
return unpack({1, 2}, "1", "2")
return unpack({1, 2}, 0, 1)
return unpack({1, 2}, -1, 1)
return unpack()
return unpack(5)
return unpack("abc")
return unpack({}, {})
return unpack({}, 1, 1e8)
return unpack({}, 1, 8000)
return select('#', unpack({}, 1, 7990))
local t = {} for i = 1, 7000 do t[i] = i end return select('#', unpack(t)), (select(7000, unpack(t)))
local t = {} t[1] = "a" t["1"] = "b" t[1.0] = "c" return t[1], t["1"]
local t = {[-0] = "x"} return t[0], next(t)
local t = {} t[1e300] = 1 t[-1e300] = 2 t[1/0] = 3 return t[1e300], t[-1e300], t[math.huge]
local t = {1, 2, 3} t[2.0] = "x" t[2.5] = "y" return t[2], t[2.5], #t
local t = {} for i = 1, 1000 do t[i] = i end local s = 0 for i, v in ipairs(t) do s = s + v end return s, #t
local t = {} for i = 1000, 1, -1 do t[i] = i end local s = 0 for i, v in ipairs(t) do s = s + v end return s, #t
local t = {} for i = 1, 100 do t[#t + 1] = i end while #t > 0 do table.remove(t) end return #t, next(t)
local q = {} for i = 1, 20 do q[i] = i end for i = 1, 10 do table.remove(q, 1) end return table.concat(q, ",")
local t = {5, 4, 3} t[#t] = nil t[#t] = nil t[#t + 1] = "x" return t
local t = {} t.a = 1 t.b = t t.c = {t.a} return t.b == t, t.c[1], t.b.b.a
local a = {1, 2} local b = {unpack(a)} b[1] = 5 return a[1], b[1], #b
local t = {f = function() return 1 end, ["g"] = function(x) return x end} return t.f(), t.g(2), t["f"]()
local m = {} for i = 1, 3 do m[i] = {} for j = 1, 3 do m[i][j] = i * j end end return m[2][3], #m, #m[1]
local t = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52} return #t, t[51], t[52]
local t = {nil, nil, nil, nil, nil, nil, nil, nil, nil, 10} return #t, t[10]
local t = {nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, 17} return #t, t[17]
local t = {f = 1, (function() return 1, 2, 3, 4, 5 end)()} return #t, t[5]
local t = {x = 1, y = 2, (function() return 1, 2, 3, 4, 5 end)()} local r = {} for k in pairs(t) do r[#r+1] = tostring(k) end return r
