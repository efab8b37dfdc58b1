package pickle

import (
	"errors"
	"fmt"
	"strconv"
)

// described is the dtype string of what a CannedArray or a call of numpy.dtype describes it with.
func (b *builder) described(node any) (string, error) {
	v, err := b.value(node)
	if err != nil {
		return "", err
	}
	switch d := v.(type) {
	case string:
		return d, nil
	case []any:
		return b.spell(d)
	}
	return "", errors.New("an array without a dtype")
}

// spell is the text of a list of fields.
func (b *builder) spell(d []any) (string, error) {
	text, ok := descrText(nil, d)
	if !ok {
		return "", errors.New("an array with a structured dtype that is too large, or none")
	}
	return string(text), b.spend(len(text))
}

// dtype is the dtype string of an instance of numpy.dtype: made of a kind and size, or of a description, with the state
// (version, byte order, subarray, names, fields, item size, alignment, flags, metadata).
func (b *builder) dtype(node any, depth int) (string, error) {
	n, ok := node.(*instance)
	if !ok || n.class != classDType {
		return "", errors.New("an array without a dtype")
	}
	if depth > maxAxes {
		return "", errors.New("an array with a dtype of too many levels")
	}
	text, err := once(&n.state, &n.value, func() (any, error) { return b.dtypeOf(n, depth) })
	if err != nil {
		return "", err
	}
	return text.(string), nil
}

// dtypeOf works out what dtype then remembers.
func (b *builder) dtypeOf(n *instance, depth int) (string, error) {
	state, ok := n.attrs.(*sequence)
	if !ok {
		return b.described(n.arg(0))
	}
	code, ok := n.arg(0).(string)
	if !ok || len(code) < 2 || state.kind != opTuple || len(state.items) < 8 {
		return "", errors.New("an array with a broken dtype")
	}
	order, _ := state.items[1].(string)
	switch code[0] {
	case 'O':
		return "", errors.New("an array of Python objects has no Go value; send a list")
	case 'M', 'm':
		unit, err := timeUnit(state.items)
		return order + code + unit, err
	}
	if fields, ok := state.items[4].(*sequence); ok {
		d, err := b.fields(state.items[3], fields, state.items[5], depth)
		if err != nil {
			return "", err
		}
		return b.spell(d)
	}
	return order + code, nil
}

// timeUnit is the unit of a datetime64 or timedelta64, "[ns]" or "[25us]", from the metadata of a dtype.
func timeUnit(state []any) (string, error) {
	meta, ok := state[len(state)-1].(*sequence)
	if ok && len(meta.items) == 2 {
		if u, ok := meta.items[1].(*sequence); ok && len(u.items) >= 2 {
			unit, ok1 := u.items[0].([]byte)
			count, ok2 := u.items[1].(int)
			switch {
			case !ok1 || !ok2:
			case string(unit) == "generic":
				return "", nil
			case count == 1:
				return "[" + string(unit) + "]", nil
			default:
				return "[" + strconv.Itoa(count) + string(unit) + "]", nil
			}
		}
	}
	return "", errors.New("an array of times without a unit")
}

// fields is the list of fields of a structured dtype, with the gaps between them as nameless ones, as NumPy's
// dtype.descr has it.
func (b *builder) fields(names any, fields *sequence, size any, depth int) ([]any, error) {
	order, ok := names.(*sequence)
	total, ok2 := size.(int)
	if !ok || !ok2 || fields.kind != opEmptyDict {
		return nil, errors.New("a structured dtype without names or size")
	}
	byName := make(map[string]*sequence, len(fields.items)/2)
	if err := b.spend(8 * len(fields.items)); err != nil {
		return nil, err
	}
	for i := 0; i < len(fields.items); i += 2 {
		if name, ok := fields.items[i].(string); ok {
			byName[name], _ = fields.items[i+1].(*sequence)
		}
	}
	gap := func(n int) Tuple { return Tuple{"", "|V" + strconv.Itoa(n)} }
	list, end := []any{}, 0
	for _, name := range order.items {
		s, _ := name.(string)
		field := byName[s]
		if field == nil || len(field.items) < 2 {
			return nil, fmt.Errorf("a structured dtype without its field %.100q", s)
		}
		offset, ok := field.items[1].(int)
		if !ok || offset < end {
			return nil, fmt.Errorf("a structured dtype whose field %.100q overlaps another has no Go value", s)
		}
		if offset > end {
			list = append(list, gap(offset-end))
		}
		f, err := b.field(name, field.items, depth)
		if err != nil {
			return nil, err
		}
		n, err := descrSize([]any{f})
		if err != nil {
			return nil, err
		}
		list, end = append(list, f), offset+n
	}
	if total > end {
		list = append(list, gap(total-end))
	}
	return list, nil
}

// field is one field: its name, or title and name; its dtype; and its shape if it is an array itself.
func (b *builder) field(name any, def []any, depth int) (Tuple, error) {
	if len(def) == 3 {
		name = Tuple{def[2], name}
	}
	var shape Tuple
	dt := def[0]
	if n, ok := dt.(*instance); ok && n.class == classDType {
		if state, ok := n.attrs.(*sequence); ok && len(state.items) > 2 {
			if sub, ok := state.items[2].(*sequence); ok && len(sub.items) == 2 {
				dims, err := ints(sub.items[1])
				if err != nil {
					return nil, err
				}
				for _, d := range dims {
					shape = append(shape, d)
				}
				dt = sub.items[0]
			}
		}
	}
	s, err := b.dtype(dt, depth+1)
	if err != nil {
		return nil, err
	}
	if err := b.spend(len(s)); err != nil {
		return nil, err
	}
	d, err := parseDescr(s)
	if err != nil {
		return nil, err
	}
	if shape != nil {
		return Tuple{name, d, shape}, nil
	}
	return Tuple{name, d}, nil
}
