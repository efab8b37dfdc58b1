package pickle

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"unicode/utf8"
)

// encoder writes one pickle, and puts aside the buffers that travel as frames of their own.
type encoder struct {
	codec  *Codec
	buf    []byte
	frames [][]byte
	memo   []*class // classes written so far, by memo index
}

func newEncoder(c *Codec) *encoder {
	e := &encoder{codec: c, buf: make([]byte, 0, 256)}
	e.op(opProto, protocol)
	return e
}

func (e *encoder) op(b ...byte) { e.buf = append(e.buf, b...) }

// value writes v, which stands depth levels below the object.
func (e *encoder) value(v any, can, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d levels deep; does it refer to itself?", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		e.op(opNone)
	case bool:
		e.bool(v)
	case int:
		e.int(int64(v))
	case int64:
		e.int(v)
	case float64:
		e.float(v)
	case string:
		return e.string(v)
	case []byte:
		e.bytes(v, can)
	case Reference:
		e.instance(classReference)
		e.op(opEmptyDict, opMark)
		e.text("name")
		if err := e.string(v.Name); err != nil {
			return err
		}
		e.text("buffers")
		e.op(opEmptyList, opSetItems, opBuild)
	case Array:
		return e.array(v, can)
	case Tuple:
		return e.tuple(len(v), can, depth, func(i int) any { return v[i] })
	case Set:
		e.op(opEmptySet, opMark)
		for i, x := range v {
			if err := e.key(x, depth+1); err != nil {
				return atIndex(i, err)
			}
		}
		e.op(opAddItems)
	case []any:
		return e.list(len(v), can, depth, func(i int) any { return v[i] })
	case []string:
		return e.list(len(v), can, depth, func(i int) any { return v[i] })
	case map[string]any:
		pairs := make([]pair, 0, len(v))
		for k, x := range v {
			pairs = append(pairs, pair{key: k, value: x})
		}
		return e.dict(pairs, can, depth)
	case *big.Int:
		if v == nil {
			e.op(opNone)
			return nil
		}
		e.long(v)
	case big.Int:
		e.long(&v)
	default:
		return e.other(v, can, depth)
	}
	return nil
}

// other writes values whose type the caller made: by what they can do, then by kind.
func (e *encoder) other(v any, can, depth int) error {
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Pointer && r.IsNil() {
		e.op(opNone)
		return nil
	}
	if e.codec.Flatten != nil {
		if a, ok := e.codec.Flatten(v); ok {
			return e.array(a, can)
		}
	}
	switch v := v.(type) {
	case Object:
		return errors.New("a serialized object is no part of another value")
	case Function:
		return fmt.Errorf("the Python function %s.%s cannot be sent on: its code was not kept", v.Module, v.Name)
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		if err != nil {
			return fmt.Errorf("%T: %w", v, err)
		}
		return e.string(string(text))
	case error:
		return e.string(v.Error())
	}
	switch r.Kind() {
	case reflect.Bool:
		e.bool(r.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.int(r.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if u := r.Uint(); u <= math.MaxInt64 {
			e.int(int64(u))
		} else {
			e.long(new(big.Int).SetUint64(u))
		}
	case reflect.Float32, reflect.Float64:
		e.float(r.Float())
	case reflect.Complex64, reflect.Complex128:
		e.global(classComplex)
		e.float(real(r.Complex()))
		e.float(imag(r.Complex()))
		e.op(opTuple2, opReduce)
	case reflect.String:
		return e.string(r.String())
	case reflect.Pointer:
		return e.value(r.Elem().Interface(), can, depth+1)
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			e.bytes(r.Bytes(), can)
			return nil
		}
		return e.list(r.Len(), can, depth, func(i int) any { return r.Index(i).Interface() })
	case reflect.Array:
		return e.tuple(r.Len(), can, depth, func(i int) any { return r.Index(i).Interface() })
	case reflect.Map:
		if t := r.Type().Elem(); t.Kind() == reflect.Struct && t.NumField() == 0 {
			set := make(Set, 0, r.Len())
			for _, k := range r.MapKeys() {
				set = append(set, k.Interface())
			}
			sortByKey(set, func(k any) any { return k })
			return e.value(set, can, depth)
		}
		pairs := make([]pair, 0, r.Len())
		for k, x := range r.Seq2() {
			pairs = append(pairs, pair{key: k.Interface(), value: x.Interface()})
		}
		return e.dict(pairs, can, depth)
	case reflect.Struct:
		return e.structure(r, can, depth)
	default:
		return fmt.Errorf("a %T cannot be sent: only plain data, arrays, and structs, slices and maps of them", v)
	}
	return nil
}

func (e *encoder) bool(b bool) {
	if b {
		e.op(opTrue)
	} else {
		e.op(opFalse)
	}
}

func (e *encoder) int(i int64) {
	switch {
	case i >= 0 && i <= math.MaxUint8:
		e.op(opBinInt1, byte(i))
	case i >= math.MinInt32 && i <= math.MaxInt32:
		e.op(opBinInt)
		e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(i))
	default:
		e.op(opLong1, 8)
		e.buf = binary.LittleEndian.AppendUint64(e.buf, uint64(i))
	}
}

// long writes any integer in two's complement, least byte first.
func (e *encoder) long(b *big.Int) {
	if b.IsInt64() {
		e.int(b.Int64())
		return
	}
	n := b.BitLen()/8 + 1 // one bit more than the number, for the sign
	two := make([]byte, n)
	if b.Sign() >= 0 {
		b.FillBytes(two)
	} else {
		full := new(big.Int).Lsh(big.NewInt(1), uint(8*n))
		full.Add(full, b).FillBytes(two)
	}
	slices.Reverse(two)
	if n <= math.MaxUint8 {
		e.op(opLong1, byte(n))
	} else {
		e.op(opLong4)
		e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(n))
	}
	e.buf = append(e.buf, two...)
}

func (e *encoder) float(f float64) {
	e.op(opBinFloat)
	e.buf = binary.BigEndian.AppendUint64(e.buf, math.Float64bits(f))
}

// string writes a str. Python refuses bytes that are not UTF-8, except for the lone surrogates that its own
// strings may hold.
func (e *encoder) string(s string) error {
	if !utf8.ValidString(s) && !surrogates(s) {
		return errors.New("the string is not valid UTF-8; send it as []byte")
	}
	e.text(s)
	return nil
}

// surrogates reports whether s is UTF-8 but for encoded surrogates (Python's "surrogatepass").
func surrogates(s string) bool {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			if len(s) < i+3 || s[i] != 0xed || s[i+1]&0xe0 != 0xa0 || s[i+2]&0xc0 != 0x80 {
				return false
			}
			n = 3
		}
		i += n
	}
	return true
}

// text writes a str that is known to be good.
func (e *encoder) text(s string) {
	e.size(len(s), opShortBinUnicode, opBinUnicode, opBinUnicode8)
	e.buf = append(e.buf, s...)
}

// size writes the opcode for n bytes, and n.
func (e *encoder) size(n int, short, long, huge byte) {
	switch {
	case n <= math.MaxUint8:
		e.op(short, byte(n))
	case uint64(n) <= math.MaxUint32:
		e.op(long)
		e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(n))
	default:
		e.op(huge)
		e.buf = binary.LittleEndian.AppendUint64(e.buf, uint64(n))
	}
}

func (e *encoder) list(n, can, depth int, at func(int) any) error {
	e.op(opEmptyList)
	if n == 0 {
		return nil
	}
	e.op(opMark)
	for i := range n {
		if err := e.value(at(i), inner(can, n), depth+1); err != nil {
			return atIndex(i, err)
		}
	}
	e.op(opAppends)
	return nil
}

func (e *encoder) tuple(n, can, depth int, at func(int) any) error {
	if n == 0 {
		e.op(opEmptyTuple)
		return nil
	}
	e.op(opMark)
	for i := range n {
		if err := e.value(at(i), inner(can, n), depth+1); err != nil {
			return atIndex(i, err)
		}
	}
	e.op(opTuple)
	return nil
}

// pair is an item of a dict, of one that is a struct with the field's own name.
type pair struct {
	key, value any
	field      string
}

// at says that an error is in the pair's value.
func (p *pair) at(err error) error {
	if p.field != "" {
		return at("."+p.field, err)
	}
	return atKey(p.key, err)
}

// dict writes the items in the order of their keys, which is the order in which the receiver of canned items
// looks for their buffers. It sorts pairs.
func (e *encoder) dict(pairs []pair, can, depth int) error {
	e.op(opEmptyDict)
	if len(pairs) == 0 {
		return nil
	}
	in := inner(can, len(pairs))
	if !sortByKey(pairs, func(p pair) any { return p.key }) && in == item {
		if slices.ContainsFunc(pairs, func(p pair) bool { return isNaN(p.key) }) {
			return errNaN
		}
		return errors.New("the keys are of kinds that Python cannot sort, as it must when a dict is sent")
	}
	e.op(opMark)
	for _, p := range pairs {
		if err := e.key(p.key, depth+1); err != nil {
			return p.at(err)
		}
		if err := e.value(p.value, in, depth+1); err != nil {
			return p.at(err)
		}
	}
	e.op(opSetItems)
	return nil
}

// key writes a key of a dict or an item of a set, which must have a hash in Python.
func (e *encoder) key(k any, depth int) error {
	if !hashable(k) {
		return fmt.Errorf("a %T has no hash in Python, and cannot be in a set or the key of a dict", k)
	}
	if isNaN(k) {
		return errNaN
	}
	return e.value(k, plain, depth)
}

var errNaN = errors.New("NaN as a key, or in a set, would never be found again")

func isNaN(k any) bool {
	r := reflect.ValueOf(k)
	return r.CanFloat() && math.IsNaN(r.Float())
}

func hashable(k any) bool {
	switch k := k.(type) {
	case nil, []byte, *big.Int, encoding.TextMarshaler:
		return true
	case Tuple:
		return !slices.ContainsFunc(k, func(x any) bool { return !hashable(x) })
	}
	r := reflect.ValueOf(k)
	switch r.Kind() {
	case reflect.Array:
		for i := range r.Len() {
			if !hashable(r.Index(i).Interface()) {
				return false
			}
		}
		return true
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Struct, reflect.Chan, reflect.Func:
		return false
	}
	return true
}

// instance begins an object of class c, made without arguments; its state and opBuild follow.
func (e *encoder) instance(c *class) {
	e.global(c)
	e.op(opEmptyTuple, opNewObj)
}

// global writes a class, by name the first time.
func (e *encoder) global(c *class) {
	if i := slices.Index(e.memo, c); i >= 0 {
		e.op(opBinGet, byte(i))
		return
	}
	e.text(c.module)
	e.text(c.name)
	e.op(opStackGlobal, opMemoize)
	e.memo = append(e.memo, c)
}
