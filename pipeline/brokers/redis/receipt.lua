-- What the scripts share that change dead letters; stands before each of them.
--
-- KEYS  1 the dead letters, 2 the receipt: what an earlier try of the same order answered, kept for
--       when its answer was lost

local function refuse_other_types(places)
    for _, n in ipairs(places) do
        local kind = redis.call('TYPE', KEYS[n]).ok
        if kind ~= 'none' and kind ~= 'stream' then
            return redis.error_reply('WRONGTYPE ' .. KEYS[n] .. ' holds a ' .. kind)
        end
    end
end

local function read(id)
    local found = redis.call('XRANGE', KEYS[1], id, id)[1]
    if not found then return nil end
    local letter = {}
    for i = 1, #found[2], 2 do letter[found[2][i]] = found[2][i + 1] end
    return letter, found[2]
end

local function milliseconds(offset)
    local t = redis.call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000) + offset
end

-- A removal, of nothing: after it the server allows additions at its memory limit. So each letter
-- can be added at its new place before it is taken from the old one.
local function begin()
    redis.call('XDEL', KEYS[1], '0-1')
end

-- What was done is kept for who asks again; nothing done is found again by itself.
local function signed(reply, changed, ttl)
    if changed then redis.call('SET', KEYS[2], reply, 'PX', ttl) end
    return reply
end

-- A history (a JSON list) with one more note.
local function noted(history, note)
    local inside = history and string.match(history, '^%s*%[(.*)%]%s*$')
    if not inside or not pcall(cjson.decode, history) then return '[' .. note .. ']' end
    if string.find(inside, '%S') then return '[' .. inside .. ', ' .. note .. ']' end
    return '[' .. note .. ']'
end

local function note(what, now, letter)
    local word = string.match(letter.reason or '', '^[%w_.-]+$') or 'unknown'
    return string.format('{"%s": %.3f, "reason": "%s"}', what, now / 1000, word)
end

local before = redis.call('GET', KEYS[2])
if before then return before end
