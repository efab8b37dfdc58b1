package client

// A Setting changes how a view calls; With makes a view that has it:
//
//	quiet := v.With(client.Silent())
//
// A call that is to differ from its view's defaults is made on such a view.
type Setting func(*settings)

// settings are those of a view. The zero value is what views begin with.
type settings struct {
	silent    bool
	noHistory bool
}

// with returns the settings after some more.
func (s settings) with(more []Setting) settings {
	for _, set := range more {
		set(&s)
	}
	return s
}

// stored tells whether engines are to keep code in their histories.
func (s *settings) stored() bool { return !s.silent && !s.noHistory }

// Silent makes Execute publish neither the code nor the value of its last
// expression, and count it in no history.
func Silent() Setting { return func(s *settings) { s.silent = true } }

// NoHistory makes Execute leave the engine's history as it is.
func NoHistory() Setting { return func(s *settings) { s.noHistory = true } }
