package pickle

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// The description of a structured dtype is a Python list of tuples: name (or title and name), dtype, and for a
// field that is an array itself the shape. In an Array it is the text of that list, as Python would print it.

// itemSize returns the bytes of one item of a dtype string.
func itemSize(dtype string) (int, error) {
	if strings.HasPrefix(dtype, "[") {
		d, err := parseDescr(dtype)
		if err != nil {
			return 0, err
		}
		return descrSize(d)
	}
	if len(dtype) < 3 || !strings.ContainsRune("<>|=", rune(dtype[0])) || !strings.ContainsRune("biufcmMSUV", rune(dtype[1])) {
		return 0, fmt.Errorf("array has no dtype of fixed size: %.40q", dtype)
	}
	digits, _, _ := strings.Cut(dtype[2:], "[") // "<M8[ns]"
	n, err := strconv.ParseUint(digits, 10, 29)
	if err != nil {
		return 0, fmt.Errorf("array dtype %.40q has no size", dtype)
	}
	if dtype[1] == 'U' {
		n *= 4
	}
	return int(n), nil
}

// descrSize returns the bytes of one item of a list of fields.
func descrSize(d any) (int, error) {
	if s, ok := d.(string); ok && !strings.HasPrefix(s, "[") {
		return itemSize(s)
	}
	fields, ok := d.([]any)
	if !ok {
		return 0, errors.New("array dtype has no list of fields where one should be")
	}
	size := 0
	for _, f := range fields {
		t, ok := f.(Tuple)
		if !ok || len(t) < 2 || len(t) > 3 || !isName(t[0]) {
			return 0, errors.New("array dtype has a field that is not a tuple of name, dtype and shape")
		}
		n, err := descrSize(t[1])
		if err != nil {
			return 0, err
		}
		if len(t) == 3 {
			shape, ok := t[2].(Tuple)
			if !ok {
				return 0, errors.New("array dtype has a field whose shape is not a tuple")
			}
			for _, d := range shape {
				d, ok := d.(int)
				hi, lo := bits.Mul(uint(n), uint(d))
				if !ok || d < 0 || hi != 0 || lo > 1<<30 {
					return 0, errors.New("array dtype has a field of an impossible shape")
				}
				n = int(lo)
			}
		}
		if size += n; size > 1<<30 {
			return 0, errors.New("array dtype has items of more than 1 GiB")
		}
	}
	return size, nil
}

// isName reports whether v names a field: a str, or a tuple of title and name.
func isName(v any) bool {
	if t, ok := v.(Tuple); ok && len(t) == 2 {
		return isString(t[0]) && isString(t[1])
	}
	return isString(v)
}

func isString(v any) bool {
	_, ok := v.(string)
	return ok
}

// maxText is the most bytes of the text of one dtype, enough for thousands of fields.
const maxText = 1 << 16

var quoted = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// descrText appends what parseDescr parses; not ok if it is too long or d is not such a list.
func descrText(b []byte, d any) (_ []byte, ok bool) {
	if len(b) > maxText {
		return b, false
	}
	open, shut := "[", "]"
	var items []any
	switch d := d.(type) {
	case int:
		return strconv.AppendInt(b, int64(d), 10), d >= 0
	case string:
		b = append(b, '\'')
		b = append(b, quoted.Replace(d)...)
		return append(b, '\''), true
	case []any:
		items = d
	case Tuple:
		items, open, shut = d, "(", ")"
		if len(d) == 1 {
			shut = ",)"
		}
	default:
		return b, false
	}
	b = append(b, open...)
	for i, x := range items {
		if i > 0 {
			b = append(b, ", "...)
		}
		if b, ok = descrText(b, x); !ok {
			return b, false
		}
	}
	return append(b, shut...), true
}

// parseDescr turns the text of a list of fields into []any, Tuple, string and int; a plain dtype string
// is itself.
func parseDescr(dtype string) (any, error) {
	if !strings.HasPrefix(dtype, "[") {
		return dtype, nil
	}
	p := descrParser{dtype}
	d, ok := p.value(0)
	if !ok || p.rest != "" {
		return nil, fmt.Errorf("array dtype is not a list of fields near %.20q: %.100q", p.rest, dtype)
	}
	return d, nil
}

type descrParser struct{ rest string }

// value parses one value; lists nest at most as deep as NumPy's structures sensibly do.
func (p *descrParser) value(depth int) (v any, ok bool) {
	if depth > maxAxes || p.rest == "" {
		return nil, false
	}
	switch c := p.rest[0]; {
	case c == '\'':
		return p.text()
	case c >= '0' && c <= '9':
		n := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		i, err := strconv.Atoi(p.rest[:n])
		p.rest = p.rest[n:]
		return i, err == nil
	case c == '[':
		items, ok := p.items("]", depth)
		return items, ok
	case c == '(':
		items, ok := p.items(")", depth)
		return Tuple(items), ok
	}
	return nil, false
}

func (p *descrParser) items(shut string, depth int) (items []any, ok bool) {
	p.rest = p.rest[1:]
	items = []any{}
	for !p.skip(shut) {
		v, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		items = append(items, v)
		if comma := p.skip(","); !comma && !strings.HasPrefix(p.rest, shut) {
			return nil, false
		}
		p.skip(" ")
	}
	return items, true
}

func (p *descrParser) skip(s string) bool {
	rest, ok := strings.CutPrefix(p.rest, s)
	p.rest = rest
	return ok
}

func (p *descrParser) text() (string, bool) {
	var b []byte
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\'':
			p.rest = p.rest[i+1:]
			return string(b), true
		case c == '\\' && i+1 < len(p.rest):
			i++
			b = append(b, p.rest[i])
		default:
			b = append(b, c)
		}
	}
	return "", false
}
