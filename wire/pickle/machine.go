package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// machine runs the opcodes of one pickle. It makes only data: a class is its name, and an instance, or a call, is an
// *instance that records what Python would have been asked to do. On its stack are
//
//	nil, bool, int, uint64, *big.Int, float64, string, []byte
//	*sequence   a list, tuple, set or dict
//	*class      a class or function, by name
//	*instance   what a class or function was called with, and the state then given to it
//
// Sizes in the pickle are held against what is left of it before anything is allocated.
type machine struct {
	rest  []byte
	stack []any
	marks []int // heights of the stack
	memo  []any
}

type sequence struct {
	kind  byte  // opEmptyList, opTuple, opEmptySet or opEmptyDict
	items []any // of a dict: key, value, key, value, ..
	value any   // the Go value, once it is made
	state state
}

type instance struct {
	class *class
	args  []any
	attrs any // what opBuild was given
	value any
	state state
}

// state is how far the Go value of a node has come; a node met again while it is busy contains itself.
type state byte

const (
	fresh state = iota
	busy
	done
)

// load runs a pickle to its end and returns the node left on the stack.
func load(pickle []byte) (any, error) {
	// Most pickles are as short as that of a number, and memoize nothing.
	n := min(len(pickle)/4, 24)
	m := machine{rest: pickle, stack: make([]any, 0, min(2+n, 16)), memo: make([]any, 0, n)}
	for {
		at := len(pickle) - len(m.rest)
		op, err := m.byte()
		if err != nil {
			return nil, err
		}
		if op == opStop {
			return m.pop()
		}
		if err := m.step(op); err != nil {
			return nil, fmt.Errorf("pickle opcode %#02x at byte %d of %d: %w", op, at, len(pickle), err)
		}
	}
}

var (
	errShort = errors.New("the pickle is cut short")
	errStack = errors.New("the pickle takes more from its stack than it put there")
)

func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.rest)) {
		return nil, errShort
	}
	b := m.rest[:n:n]
	m.rest = m.rest[n:]
	return b, nil
}

func (m *machine) byte() (byte, error) {
	b, err := m.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// number reads an unsigned number of n bytes.
func (m *machine) number(n uint64) (uint64, error) {
	b, err := m.take(n)
	if err != nil {
		return 0, err
	}
	u := uint64(0)
	for i, c := range b {
		u |= uint64(c) << (8 * i)
	}
	return u, nil
}

// sized reads a number of n bytes and then as many bytes as it says.
func (m *machine) sized(n uint64) ([]byte, error) {
	size, err := m.number(n)
	if err != nil {
		return nil, err
	}
	return m.take(size)
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

// floor is the height of the stack that the opcodes since the last mark may not reach below.
func (m *machine) floor() int {
	if n := len(m.marks); n > 0 {
		return m.marks[n-1]
	}
	return 0
}

func (m *machine) pop() (any, error) {
	v, err := m.popN(1)
	if err != nil {
		return nil, err
	}
	return v[0], nil
}

// popN takes n values; they are valid until the next push.
func (m *machine) popN(n int) ([]any, error) {
	at := len(m.stack) - n
	if at < m.floor() {
		return nil, errStack
	}
	v := m.stack[at:]
	m.stack = m.stack[:at]
	return v, nil
}

// popMark takes all values since the last mark; they are valid until the next push.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errStack
	}
	at := m.floor()
	m.marks = m.marks[:len(m.marks)-1]
	v := m.stack[at:]
	m.stack = m.stack[:at]
	return v, nil
}

func (m *machine) top() (any, error) {
	if len(m.stack) <= m.floor() {
		return nil, errStack
	}
	return m.stack[len(m.stack)-1], nil
}

// step carries out one opcode.
func (m *machine) step(op byte) error {
	switch op {
	case opProto:
		v, err := m.byte()
		if err == nil && v > 5 {
			err = fmt.Errorf("pickle protocol %d is not known", v)
		}
		return err
	case opFrame: // says how much may be read at once; all is here already
		n, err := m.number(8)
		if err == nil && n > uint64(len(m.rest)) {
			err = errShort
		}
		return err
	case opMark:
		m.marks = append(m.marks, len(m.stack))
		return nil
	case opPop:
		_, err := m.pop()
		return err
	case opPopMark:
		_, err := m.popMark()
		return err
	case opDup:
		v, err := m.top()
		m.push(v)
		return err
	case opNone:
		m.push(nil)
	case opTrue:
		m.push(true)
	case opFalse:
		m.push(false)
	case opBinInt1, opBinInt2, opBinInt, opLong1, opLong4, opBinFloat:
		return m.scalar(op)
	case opShortBinUnicode, opBinUnicode, opBinUnicode8, opShortBinBytes, opBinBytes, opBinBytes8, opByteArray8:
		return m.string(op)
	case opEmptyList, opEmptyDict, opEmptySet:
		m.push(&sequence{kind: op})
	case opEmptyTuple:
		m.push(&sequence{kind: opTuple})
	case opTuple1, opTuple2, opTuple3:
		items, err := m.popN(int(op) - opTuple1 + 1)
		if err != nil {
			return err
		}
		m.push(&sequence{kind: opTuple, items: slices.Clone(items)})
	case opTuple, opFrozenSet:
		items, err := m.popMark()
		if err != nil {
			return err
		}
		kind := byte(opTuple)
		if op == opFrozenSet {
			kind = opEmptySet
		}
		m.push(&sequence{kind: kind, items: slices.Clone(items)})
	case opAppend, opSetItem:
		n := 1
		if op == opSetItem {
			n = 2 // key and value
		}
		items, err := m.popN(n)
		if err != nil {
			return err
		}
		return m.extend(op, items)
	case opAppends, opSetItems, opAddItems:
		items, err := m.popMark()
		if err != nil {
			return err
		}
		return m.extend(op, items)
	case opMemoize, opBinPut, opLongBinPut, opBinGet, opLongBinGet:
		return m.remember(op)
	case opGlobal, opStackGlobal:
		return m.global(op)
	case opReduce, opNewObj, opNewObjEx:
		return m.call(op)
	case opBuild:
		attrs, err := m.pop()
		if err != nil {
			return err
		}
		v, err := m.top()
		if err != nil {
			return err
		}
		if obj, ok := v.(*instance); ok && obj.attrs == nil {
			obj.attrs = attrs
			return nil
		}
		return errors.New("state for what has none")
	default:
		return errors.New("not an opcode of pickle protocols 2 to 5 for plain data")
	}
	return nil
}

func (m *machine) scalar(op byte) error {
	switch op {
	case opLong1, opLong4:
		width := uint64(1)
		if op == opLong4 {
			width = 4
		}
		b, err := m.sized(width)
		if err == nil {
			m.push(integer(b))
		}
		return err
	case opBinFloat:
		b, err := m.take(8)
		if err == nil {
			m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
		return err
	case opBinInt:
		n, err := m.number(4)
		m.push(int(int32(n)))
		return err
	}
	width := uint64(1)
	if op == opBinInt2 {
		width = 2
	}
	n, err := m.number(width)
	m.push(int(n))
	return err
}

// integer is a number in two's complement, least byte first: an int if it fits, else a uint64, else a *big.Int.
func integer(b []byte) any {
	if len(b) == 8 {
		if i := int64(binary.LittleEndian.Uint64(b)); i == int64(int(i)) {
			return int(i)
		}
	}
	be := slices.Clone(b)
	slices.Reverse(be)
	n := new(big.Int).SetBytes(be)
	if len(be) > 0 && be[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(be))))
	}
	switch {
	case n.IsInt64() && n.Int64() == int64(int(n.Int64())):
		return int(n.Int64())
	case n.IsUint64():
		return n.Uint64()
	}
	return n
}

func (m *machine) string(op byte) error {
	width := uint64(1)
	switch op {
	case opBinUnicode, opBinBytes:
		width = 4
	case opBinUnicode8, opBinBytes8, opByteArray8:
		width = 8
	}
	b, err := m.sized(width)
	if err != nil {
		return err
	}
	switch op {
	case opShortBinUnicode, opBinUnicode, opBinUnicode8:
		if s, ok := words[string(b)]; ok {
			m.push(s)
		} else {
			m.push(string(b))
		}
	default:
		m.push(b)
	}
	return nil
}

// extend adds items to the container on top of the stack. What is added to an instance is of no use to anybody here.
func (m *machine) extend(op byte, items []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	if _, ok := v.(*instance); ok {
		return nil
	}
	kind := byte(opEmptyList)
	switch op {
	case opSetItem, opSetItems:
		kind = opEmptyDict
	case opAddItems:
		kind = opEmptySet
	}
	s, ok := v.(*sequence)
	if !ok || s.kind != kind || kind == opEmptyDict && len(items)%2 != 0 {
		return errors.New("items for what cannot take them")
	}
	s.items = append(s.items, items...)
	return nil
}

// remember puts into the memo or takes from it. Python numbers its entries in order, so a gap is a forgery.
func (m *machine) remember(op byte) error {
	i := uint64(len(m.memo))
	var err error
	switch op {
	case opBinPut, opBinGet:
		i, err = m.number(1)
	case opLongBinPut, opLongBinGet:
		i, err = m.number(4)
	}
	if err != nil {
		return err
	}
	if op == opBinGet || op == opLongBinGet {
		if i >= uint64(len(m.memo)) {
			return fmt.Errorf("nothing is stored under %d", i)
		}
		m.push(m.memo[i])
		return nil
	}
	v, err := m.top()
	switch {
	case err != nil:
		return err
	case i > uint64(len(m.memo)):
		return fmt.Errorf("%d is out of order, %d is next", i, len(m.memo))
	case i < uint64(len(m.memo)):
		m.memo[i] = v
	default:
		m.memo = append(m.memo, v)
	}
	return nil
}

func (m *machine) global(op byte) error {
	if op == opStackGlobal {
		names, err := m.popN(2)
		if err != nil {
			return err
		}
		module, ok1 := names[0].(string)
		name, ok2 := names[1].(string)
		if !ok1 || !ok2 {
			return errors.New("the name of a class is not a str")
		}
		m.push(classOf(module, name))
		return nil
	}
	var names [2]string
	for i := range names {
		end := bytes.IndexByte(m.rest, '\n')
		if end < 0 {
			return errShort
		}
		names[i] = string(m.rest[:end])
		m.rest = m.rest[end+1:]
	}
	m.push(classOf(names[0], names[1]))
	return nil
}

// call records the call of a class or function: with a tuple of arguments, and for opNewObjEx keywords.
func (m *machine) call(op byte) error {
	n := 2
	if op == opNewObjEx {
		n = 3
	}
	v, err := m.popN(n)
	if err != nil {
		return err
	}
	args, ok := v[1].(*sequence)
	if !ok || args.kind != opTuple {
		return errors.New("the arguments of a call are not a tuple")
	}
	obj := &instance{args: args.items}
	switch c := v[0].(type) {
	case *class:
		obj.class = c
	case *instance: // what a call returned is called in turn
		obj.class = &class{c.class.module, strings.TrimSuffix(c.class.name, "(..)") + "(..)"}
	default:
		return errors.New("a call of what is neither class nor function")
	}
	m.push(obj)
	return nil
}
