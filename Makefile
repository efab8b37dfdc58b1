# make demo   sets up, builds, and runs the main job: a controller, four MPI engines, a PCA
# make test   sets up and runs every test, with the race detector
# make help   lists the rest

# Tools are run at these versions from the module proxy; nothing is installed.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOTESTSUM   := gotest.tools/gotestsum@v1.13.0
# How long each fuzz test of `make fuzz` runs.
FUZZTIME    ?= 30s
# How often `make soak` kills a controller; MUSTER_CRASH_SEED=n begins with that seed.
CRASH_POINTS ?= 50

export CGO_ENABLED := 1

.PHONY: all help demo test soak test-slurm test-sge bin check fuzz bench generate clean setup setup-test

all: bin check

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## /  \1\t/p' Makefile | expand -t 16

demo: bin ## set up, build, and run the main job (examples/pca)
	PATH="$(CURDIR)/bin:$$PATH" bin/pca

test: setup-test bin check ## set up and run every test, with the race detector
	go run $(GOTESTSUM) --format pkgname-and-test-fails --format-hide-empty-pkg -- -race -timeout 25m ./...

soak: setup-test ## kill and restore controllers at CRASH_POINTS (50) points of each kind of campaign
	MUSTER_CRASH_POINTS=$(CRASH_POINTS) go test -count=1 -timeout 60m -v -run '^TestCrash' ./test

test-slurm: ## try everything under a real Slurm of two nodes, brought up here (Debian, root)
	@./setup.sh slurm
	MUSTER_SLURM=run go test -timeout 15m -v -run '^TestSlurm$$' ./test/schedulers

test-sge: ## the same under a real Grid Engine
	@./setup.sh sge
	MUSTER_SGE=run go test -timeout 15m -v -run '^TestSGE$$' ./test/schedulers

bin: setup ## build the programs and the MPI shims into bin/
	go build -trimpath -o bin/ ./cmd/... ./examples/...
	@for flavour in openmpi mpich; do \
		cc=$$(command -v mpicc.$$flavour) || continue; \
		bin/ipengine mpi build --cc $$cc --output bin/libmuster-mpi-$$flavour.so; \
	done

check: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

fuzz: ## run every fuzz test for FUZZTIME (30s) each
	@git grep -ohE '^func Fuzz\w+' -- '*_test.go' | sort -u | sed 's/func //' | while read -r name; do \
		for dir in $$(git grep -lE "^func $$name\(" -- '*_test.go' | xargs -n1 dirname); do \
			go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) ./$$dir || exit 1; \
		done; \
	done

bench: bin ## the figures of README and docs: ipcluster bench, beside a bare ZeroMQ router
	bin/ipcluster bench

generate: ## rewrite the interpreter's symbol tables after a change of mpi or numeric
	go generate ./...

clean: ## remove what was built
	rm -rf bin

setup:
	@./setup.sh run

setup-test:
	@./setup.sh test
