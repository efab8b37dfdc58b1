package configs

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// A LogLevel is a flag that takes a level by slog's name, by Python's name, or
// by Python's number: debug, INFO, warning, CRITICAL, 30.
type LogLevel struct{ slog.Level }

// pythonLevels are the names of Python's levels that slog does not have.
var pythonLevels = map[string]slog.Level{"WARNING": slog.LevelWarn, "CRITICAL": slog.LevelError + 4}

// Set implements pflag.Value.
func (l *LogLevel) Set(s string) error {
	if level, ok := pythonLevels[strings.ToUpper(s)]; ok {
		l.Level = level
		return nil
	}
	if n, err := strconv.Atoi(s); err == nil {
		// Python counts 10, 20, 30, 40 where slog has -4, 0, 4, 8.
		l.Level = slog.Level((n - 20) * 4 / 10)
		return nil
	}
	if err := l.UnmarshalText([]byte(s)); err != nil {
		return fmt.Errorf("log level %q: want debug, info, warning, error or a number as in Python", s)
	}
	return nil
}

// Type implements pflag.Value.
func (*LogLevel) Type() string { return "level" }
