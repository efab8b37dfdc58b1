package configs

import (
	"log/slog"
	"testing"
)

func TestLogLevel(t *testing.T) {
	for s, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "warn": slog.LevelWarn, "WARNING": slog.LevelWarn, "Error": slog.LevelError,
		"critical": slog.LevelError + 4, "10": slog.LevelDebug, "20": slog.LevelInfo, "30": slog.LevelWarn, "40": slog.LevelError,
	} {
		var l LogLevel
		if err := l.Set(s); err != nil || l.Level != want {
			t.Errorf("%s: %v, %v, want %v", s, l.Level, err, want)
		}
		var again LogLevel // what one program passes on, another reads
		if err := again.Set(l.String()); err != nil || again != l {
			t.Errorf("%s: %v read back as %v, %v", s, l, again, err)
		}
	}
	var l LogLevel
	if err := l.Set("loud"); err == nil {
		t.Error("loud is no level")
	}
}
