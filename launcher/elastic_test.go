package launcher

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestElasticConfig(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		config ElasticConfig
		want   string // "" is none
	}{
		{ElasticConfig{Max: 8}, ""},
		{ElasticConfig{Min: 8, Max: 8, Backlog: 0.1, Patience: time.Second, Idle: time.Hour, Pause: time.Minute}, ""},
		{ElasticConfig{Min: 1}, "engines.elastic.max is not given"},
		{ElasticConfig{Idle: time.Minute}, "engines.elastic.max is not given"},
		{ElasticConfig{Min: -1, Max: 1}, "engines.elastic is from -1 to 1 sets"},
		{ElasticConfig{Max: -1}, "engines.elastic is from 0 to -1 sets"},
		{ElasticConfig{Min: 3, Max: 2}, "engines.elastic.min is 3, more than max, which is 2"},
		{ElasticConfig{Max: 1, Backlog: -1}, "engines.elastic.backlog is -1"},
		{ElasticConfig{Max: 1, Backlog: math.NaN()}, "engines.elastic.backlog is NaN"},
		{ElasticConfig{Max: 1, Patience: -1}, "engines.elastic.patience is -1ns"},
		{ElasticConfig{Max: 1, Idle: time.Millisecond}, `engines.elastic.idle is 1ms: the load is looked at once a second: want "1s" or more`},
		{ElasticConfig{Max: 1, Pause: time.Second - 1}, "engines.elastic.pause is 999.999999ms"},
	} {
		err := Config{Elastic: tt.config}.Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: %v, want %q", tt.config, err, tt.want)
		}
	}
}

// What is said counts more than what the profile says, and that more than the defaults.
func TestElasticLayers(t *testing.T) {
	profile := ElasticConfig{Min: 2, Max: 4, Idle: time.Hour}
	if got, want := (ElasticConfig{}).Or(profile), profile; got != want {
		t.Errorf("nothing said: %+v, want %+v", got, want)
	}
	got := ElasticConfig{Min: 0, Max: 3, Pause: time.Minute}.Or(profile).Filled()
	if want := (ElasticConfig{Min: 0, Max: 3, Backlog: 1, Patience: 10 * time.Second, Idle: time.Hour, Pause: time.Minute}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
