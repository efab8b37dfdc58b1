// Package depend is the language in which a task says which engines it may run
// on: an expression over the properties and facts of an engine that is true or
// false, such as
//
//	RAM > 4e9 && gpu
//	rank % 2 == 0 and host startsWith "node"
//	"mkl" in libraries || version ?? 0 >= 3
//
// It is that of github.com/expr-lang/expr, less what could take long: there are
// numbers, strings, lists and maps, the operators on them, the functions abs,
// ceil, floor, round, int, float, len, min, max, lower, upper and trim, and all,
// any, none, one and count over lists, which do not nest. So an expression ends
// after a number of steps that is bounded by its length and by the size of the
// values that it names.
//
// Clients compile expressions to refuse those that are wrong, engines to
// evaluate them.
package depend

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// What is too long is no condition that anybody has written.
const (
	maxLength = 4096 // bytes
	maxNodes  = 1000
)

// memory is how many values an evaluation may make.
const memory = 1e5

// functions are those of expr that are of use here, and quick.
var functions = []string{
	"abs", "ceil", "floor", "round", "int", "float", "len", "min", "max", "lower", "upper", "trim",
	"all", "any", "none", "one", "count",
}

// lookup is what the compiled form calls for each name.
const lookup = "lookup"

// An Expr is an expression that was compiled. It may be used by several
// goroutines.
type Expr struct {
	text    string
	names   []string // in it, in the order of their first
	program *vm.Program
}

// Compile reads an expression. Its errors show where in the text they are.
func Compile(text string) (*Expr, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("depend: the expression is empty")
	}
	if len(text) > maxLength {
		return nil, fmt.Errorf("depend: an expression of %d bytes: at most %d are read", len(text), maxLength)
	}
	c := &checker{source: file.NewSource(text)}
	options := []expr.Option{
		expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes), expr.Patch(c), expr.AsBool(),
		expr.Env(map[string]any{lookup: func(string) (any, error) { return nil, nil }}),
	}
	for _, f := range functions {
		options = append(options, expr.EnableBuiltin(f))
	}
	program, err := expr.Compile(text, append(options, func(c *conf.Config) { c.DisableIfOperator = true })...)
	if c.err != nil {
		err = c.err
	}
	if err != nil {
		return nil, fmt.Errorf("depend: %w", err)
	}
	return &Expr{text, c.names, program}, nil
}

// String is the expression.
func (e *Expr) String() string { return e.text }

// Met evaluates the expression with the values that it names, which value
// returns. It is not met when it is false, no bool, or names what is not there;
// why then says so: "RAM > 4e9 is false (RAM = 2.1e+09)".
func (e *Expr) Met(value func(name string) (any, bool)) (met bool, why string) {
	seen := make(map[string]any, len(e.names))
	env := map[string]any{lookup: func(name string) (any, error) {
		if v, ok := seen[name]; ok {
			return v, nil
		}
		v, ok := value(name)
		if !ok {
			return nil, fmt.Errorf("there is no property %s", name)
		}
		v, err := plain(v)
		if err != nil {
			return nil, fmt.Errorf("the property %s is %w", name, err)
		}
		seen[name] = v
		return v, nil
	}}
	machine := vm.VM{MemoryBudget: memory}
	v, err := machine.Run(e.program, env)
	var at *file.Error
	switch {
	case errors.As(err, &at):
		return false, fmt.Sprintf("`%s`: %s", e.text, at.Message)
	case err != nil:
		return false, fmt.Sprintf("`%s`: %v", e.text, err)
	case v == true:
		return true, ""
	}
	return false, fmt.Sprintf("`%s` is false%s", e.text, e.shown(seen))
}

// shown are the values that an expression came to look at.
func (e *Expr) shown(seen map[string]any) string {
	const most = 5
	var b strings.Builder
	n := 0
	for _, name := range e.names {
		v, ok := seen[name]
		if !ok {
			continue
		}
		if n == most {
			b.WriteString(", ...")
			break
		}
		if n++; n > 1 {
			b.WriteString(", ")
		}
		b.WriteString(name + " = " + brief(v))
	}
	if n == 0 {
		return ""
	}
	return " (" + b.String() + ")"
}

// A checker refuses what the language has not, and has names looked up.
type checker struct {
	source file.Source
	names  []string
	err    error
}

// Visit implements ast.Visitor. What a node consists of was visited before it.
func (c *checker) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if !slices.Contains(c.names, n.Value) {
			c.names = append(c.names, n.Value)
		}
		ast.Patch(node, &ast.CallNode{
			Callee:    &ast.IdentifierNode{Value: lookup},
			Arguments: []ast.Node{&ast.StringNode{Value: n.Value}},
		})
	case *ast.CallNode:
		c.refuse(n, "there are no functions but "+strings.Join(functions, ", "))
	case *ast.VariableDeclaratorNode:
		c.refuse(n, "there are no variables of one's own")
	case *ast.SequenceNode:
		c.refuse(n, "it is one expression, without ;")
	case *ast.BinaryNode:
		if n.Operator == ".." {
			c.refuse(n, "there are no ranges: write 1 <= x && x <= 9")
		}
	case *ast.PredicateNode:
		if ast.Find(n.Node, func(inner ast.Node) bool { _, is := inner.(*ast.PredicateNode); return is }) != nil {
			c.refuse(n, "a predicate is within another")
		}
	}
}

func (c *checker) refuse(n ast.Node, message string) {
	if c.err == nil {
		c.err = (&file.Error{Location: n.Location(), Message: message}).Bind(c.source)
	}
}
