package wire

import "encoding/json"

// EachMember calls f with each key and value of a JSON object, in order, if the
// object is flat: its values are strings without escapes, numbers, true, false and
// null. It tells whether that is so; if not, f may have been called all the
// same. The key is without its quotes, the value as it stands. The metadata of
// almost all messages are flat, and are read so in a tenth of the time that
// encoding/json takes (BenchmarkEachMember).
func EachMember(object []byte, f func(key, value []byte)) bool {
	p, ok := newPlain(object)
	if !ok || !p.take('{') {
		return false
	}
	if p.take('}') {
		return len(p.rest) == 0
	}
	for {
		key, ok := p.text()
		if !ok || !p.take(':') {
			return false
		}
		value, ok := p.scalar()
		if !ok {
			return false
		}
		f(key, value)
		if p.take('}') {
			return len(p.rest) == 0
		}
		if !p.take(',') {
			return false
		}
	}
}

// scalar takes a value that is neither an object nor a list.
func (p *plain) scalar() ([]byte, bool) {
	for len(p.rest) > 0 && p.rest[0] == ' ' {
		p.rest = p.rest[1:]
	}
	from := p.rest
	if len(from) > 0 && from[0] == '"' {
		s, ok := p.text()
		if !ok {
			return nil, false
		}
		return from[:len(s)+2], true
	}
	n := 0
	for n < len(from) && (from[n] >= '0' && from[n] <= '9' || from[n] >= 'a' && from[n] <= 'z' || from[n] == '-' || from[n] == '+' || from[n] == '.' || from[n] == 'E') {
		n++
	}
	p.rest = from[n:]
	return from[:n], valid(from[:n])
}

// valid tells whether a scalar that is no string is JSON.
func valid(b []byte) bool {
	switch string(b) {
	case "true", "false", "null":
		return true
	case "":
		return false
	}
	for _, c := range b { // an integer, mostly
		if c < '0' || c > '9' {
			return json.Valid(b)
		}
	}
	return len(b) == 1 || b[0] != '0'
}
