-- What becomes of a message for an instance that is gone; stands before the scripts that need it.

local LETTER = {m = 'payload', a = 'attempts', t = 'enqueued_at', h = 'history'}

-- A dead letter's fields, made of a message's fields and values (flat).
local function gone(queue, parts)
    local letter = {'reason', 'gone', 'error', 'the instance it was addressed to is gone', 'queue', queue}
    for i = 1, #parts, 2 do
        local name = LETTER[parts[i]]
        if name then
            letter[#letter + 1] = name
            letter[#letter + 1] = parts[i + 1]
        end
    end
    return letter
end
