-- What becomes of a message for an instance that is gone; stands before the scripts that need it.

local LETTER = {m = 'payload', a = 'attempts', t = 'enqueued_at', h = 'history', c = 'trace'}

-- A dead letter's fields, made of a message's fields and values (flat), and of when it was
-- enqueued (ms) unless it says so itself.
local function gone(queue, parts, since)
    local letter = {'reason', 'gone', 'error', 'the instance it was addressed to is gone', 'queue', queue}
    local told = {}
    for i = 1, #parts, 2 do
        local name = LETTER[parts[i]]
        if name then
            told[name] = true
            letter[#letter + 1] = name
            letter[#letter + 1] = parts[i + 1]
        end
    end
    for name, value in pairs({attempts = '1', enqueued_at = string.format('%.0f', since)}) do
        if not told[name] then
            letter[#letter + 1] = name
            letter[#letter + 1] = value
        end
    end
    return letter
end
