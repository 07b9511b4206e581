# make            build/ioth, build/libioth.a and build/libioth.so
# make demo       two web servers and a client, each a node (installs what is missing)
# make check      all tests, in a few minutes (installs what is missing)
# make lint       include arrows, globals, man pages, names in doc/
# make install    PREFIX=/usr/local DESTDIR=
# make bench      measures, beside the kernel and the peers (QUICK=1, JSON=FILE); bench-NAME: one
# make fuzz       every fuzz target for FUZZ_TIME seconds
# make unit|pkt|sim|mutate|differ|socket|fuzz-quick|cost|interop|e2e     one group of tests
# make san-check  unit, pkt, sim, fuzz-quick and the runner under address and undefined sanitizers
# make thread-check   the runner under the thread sanitizer
# V=1             shows the compiler's command lines
# SAN=address,undefined   a sanitizer build in a directory of its own
#
# Every src/<folder>/*.c is a module of the library, except src/cmd: the command.
# Every test/unit/*.c and test/fuzz/*.c is a program of its own.

comma	:= ,
CC	?= gcc
CFLAGS	?= -O2 -g
PREFIX	?= /usr/local
SAN	?=
JOBS	:= $(shell nproc)
FUZZ_TIME ?= 600
B	:= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
BF	:= $B-fuzz

VERSION	:= $(shell sed -n 's/^.define IOTH_VERSION[ \t]*"\(.*\)"$$/\1/p' src/base/base.h)
SONAME	:= libioth.so.0
LIB_PKGS := libsodium libmnl libcares libcrypto
PKGS	:= $(LIB_PKGS) libseccomp libpcap jansson
FLAGS	:= -std=gnu17 -D_GNU_SOURCE -fPIC -fno-semantic-interposition \
	   -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wno-unused-parameter -fno-strict-aliasing -pthread \
	   -Isrc -Iinclude $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer \
	   -fno-sanitize-recover=all -Wno-tsan)
Q	:= $(if $(V),,@)
LINK	= $(Q)$(CC) -pthread $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN)) -o $@ $^
libs_of	= $(shell pkg-config --libs $1 2>/dev/null || echo $(patsubst %,-l%,$(patsubst lib%,%,$1))) -ldl
LIBS	:= $(call libs_of,$(PKGS))

LIB_SRC	:= $(wildcard $(patsubst %,src/%/*.c,base proto stack name plug switch node run))
CMD_SRC	:= $(wildcard src/cmd/*.c)
LIB_OBJ	:= $(LIB_SRC:%.c=$B/%.o)
SO_OBJ	:= $(filter $(patsubst %,$B/src/%/%,base proto stack name plug node),$(LIB_OBJ))
CMD_OBJ	:= $(CMD_SRC:%.c=$B/%.o)
UNIT	:= $(patsubst test/%.c,$B/%,$(wildcard test/unit/*.c))
EXAMPLES := $(patsubst %.c,$B/%,$(wildcard examples/*.c))
FUZZ	:= $(patsubst test/%.c,$B/%,$(filter-out %/main.c,$(wildcard test/fuzz/*.c)))
PKT_OBJ	:= $(patsubst %.c,$B/%.o,$(wildcard test/pkt/*.c) test/sim/wire.c)
SIM_OBJ	:= $(patsubst %.c,$B/%.o,$(wildcard test/sim/*.c))
CALLS_OBJ := $(patsubst %.c,$B/%.o,$(wildcard test/fuzz/calls/*.c) test/mutate/lan.c \
	   test/mutate/templ.c test/sim/wire.c)
MUTATE_OBJ := $(patsubst %.c,$B/%.o,$(wildcard test/mutate/*.c) test/sim/wire.c test/sim/books.c)
DIFFER_OBJ := $(patsubst %.c,$B/%.o,$(wildcard test/differ/*.c) test/mutate/seg.c test/mutate/pair.c \
	test/mutate/lan.c test/mutate/templ.c test/mutate/spoil.c test/mutate/pieces.c \
	test/sim/wire.c)
# The cases' calls go through a table; the programs of test/e2e make them themselves
SOCKET_OBJ := $(patsubst %.c,$B/%.o,$(filter-out %/plain.c,$(wildcard test/socket/*.c test/socket/lib/*.c)))
CASE_OBJ := $(filter-out %/harness.o %/known.o %/verdict.o $B/test/socket/lib/%,$(SOCKET_OBJ))
# Random programs of the same calls
WALK_OBJ := $(patsubst %.c,$B/%.o,$(wildcard test/socket/walk/*.c))
WALKER_OBJ := $(filter-out %/walk.o %/own.o,$(WALK_OBJ))
HOSTILE_OBJ := $(patsubst %.c,$B/%.o,$(wildcard test/hostile/*.c))
BENCHES	:= $(patsubst bench/%.sh,bench-%,$(sort $(wildcard bench/*.sh)))
FUZZER	?=

.PHONY: $(BENCHES) all tests examples deps demo check lint install bench clean fuzz fuzz-progs \
	unit pkt sim mutate differ socket fuzz-quick cost interop e2e
.SECONDARY:

all: $B/libioth.a $B/ioth $(if $(SAN),,$B/libioth.so)

# Changes when the flags do
$B/flags: FORCE
	@mkdir -p $B
	@echo '$(CC) $(FLAGS) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(FLAGS) $(CFLAGS)' >$@
.PHONY: FORCE

$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC   $<')
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$B/libioth.a: $(LIB_OBJ)
	@rm -f $@
	$(if $(V),,@echo '  AR   $@')
	$(Q)ar rcs $@ $^

# What programs link with: only the names of ioth.h, under versions. It stays where it
# was loaded, since a thread may be in it.
$B/libioth.so: $(SO_OBJ) src/libioth.map
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(CC) -shared -pthread $(LDFLAGS) -Wl,-soname,$(SONAME) -Wl,--version-script,src/libioth.map \
		-Wl,--no-undefined -Wl,--as-needed -Wl,-z,nodelete -o $@ $(SO_OBJ) $(call libs_of,$(LIB_PKGS))

$B/ioth: $(CMD_OBJ) $B/libioth.a
	$(if $(V),,@echo '  LINK $@')
	$(LINK) $(LIBS)

$B/unit/%: $B/test/unit/%.o $B/libioth.a
	@mkdir -p $(@D)
	$(if $(V),,@echo '  LINK $@')
	$(LINK) -lcmocka -lm $(LIBS)

# Plugins, where a user has his own: as another project would build them
TOYS	:= $B/plugin/.ioth/ioth_toy-r.so $B/plugin/.ioth/ioth_solo.so
$B/plugin/.ioth/%.so: test/plugin/toy.c include/ioth_plugin.h
	@mkdir -p $(@D)
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(CC) -O2 -g -Wall -Wextra -Wno-unused-parameter -fPIC -shared -Iinclude $(if $(findstring solo,$@),-DSOLO) -o $@ $<
$B/unit/node_plugin: | $(TOYS)

$B/unit/tcp_nocut: LDFLAGS += -Wl,--wrap=malloc

# FUZZER=1: clang's libFuzzer drives; else our own small driver
$B/fuzz/%: $B/test/fuzz/%.o $B/test/sim/books.o $(if $(FUZZER),,$B/test/fuzz/main.o) \
		$B/libioth.a
	@mkdir -p $(@D)
	$(if $(V),,@echo '  LINK $@')
	$(LINK) $(if $(FUZZER),-fsanitize=fuzzer) $(LIBS)

# What a rule adds comes behind those of the pattern: the library once more
$B/fuzz/stack_calls: $(CALLS_OBJ)
$B/fuzz/cmd_show: $B/src/cmd/switches.o $B/src/cmd/talk.o
$B/fuzz/stack_calls $B/fuzz/cmd_show: LIBS := $B/libioth.a $(LIBS)

$B/test/pkt/pkt: $(PKT_OBJ) $B/libioth.a
	$(if $(V),,@echo '  LINK $@')
	$(LINK) $(LIBS)

$B/test/sim/sim: $(SIM_OBJ) $B/libioth.a
	$(if $(V),,@echo '  LINK $@')
	$(LINK) $(LIBS)

# Without shared libraries, so that each function has its name
$B/bench/cost: $B/bench/cost.o $B/libioth.a
	$(if $(V),,@echo '  LINK $@')
	$(LINK) -static -lsodium

$B/test/hostile/liar: $(HOSTILE_OBJ) $B/libioth.a
	$(if $(V),,@echo '  LINK $@')
	$(LINK) $(LIBS)

$(SOCKET_OBJ) $(WALK_OBJ): FLAGS += -Itest/socket
$(CASE_OBJ) $(WALKER_OBJ): FLAGS += -include lib/calls.h
$B/test/socket/conform: $(SOCKET_OBJ) $B/libioth.a
	$(if $(V),,@echo '  LINK $@')
	$(LINK) $(LIBS)

$B/test/socket/walk/walk: $(WALK_OBJ) $(patsubst %,$B/test/socket/%.o,util verdict lib/calls lib/kinds lib/loans) \
		$B/libioth.a
	$(if $(V),,@echo '  LINK $@')
	$(LINK) $(LIBS)

$B/test/mutate/mutate: $(MUTATE_OBJ) $B/libioth.a
	$(if $(V),,@echo '  LINK $@')
	$(LINK) $(LIBS)

$B/test/differ/differ: $(DIFFER_OBJ) $B/libioth.a
	$(if $(V),,@echo '  LINK $@')
	$(LINK) $(LIBS)

$B/examples/%: examples/%.c $B/libioth.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# --- tests: what runs each is tools/check ---

tests: all $(UNIT) $(FUZZ) $(EXAMPLES) $(if $(wildcard test/pkt/*.c),$B/test/pkt/pkt) \
	$(if $(wildcard test/sim/sim.c),$B/test/sim/sim) $(if $(SAN),,$B/bench/cost) \
	$B/test/mutate/mutate $B/test/differ/differ $B/test/socket/conform $B/test/socket/walk/walk \
	$B/test/hostile/liar

examples: $(EXAMPLES)

deps:
	@tools/deps check

demo:
	@tools/deps demo
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tools/demo $B/ioth

check:
	@tools/deps check
	@$(MAKE) --no-print-directory -j$(JOBS) tests
	@B=$B SOCKET_KINDS="native native-calls" tools/check sim mutate unit pkt differ fuzz lint cost examples \
		socket e2e interop

# The library's tests again, under the sanitizers
san-check:
	@tools/deps check
	@$(MAKE) --no-print-directory -j$(JOBS) SAN=address,undefined san-check-here
san-check-here: tests
	@B=$B MUTATE="-2 20 -3 2000" tools/check mutate sim unit pkt fuzz runner

# What has threads, under the thread sanitizer
thread-check:
	@tools/deps check
	@$(MAKE) --no-print-directory -j$(JOBS) SAN=thread thread-check-here
thread-check-here: all $B/unit/plug_pair $B/unit/plug_shm $B/unit/plug_direct $B/unit/node_api \
		$B/unit/base_pollset $B/unit/node_stress $B/unit/node_lives $B/unit/node_epoll $B/unit/node_poll \
		$B/unit/node_bare $B/unit/node_waits $B/unit/node_resolve
	@$B/unit/plug_pair >/dev/null
	@$B/unit/plug_shm >/dev/null
	@$B/unit/plug_direct >/dev/null
	@$B/unit/base_pollset >/dev/null
	@$B/unit/node_stress >/dev/null
	@$B/unit/node_resolve >/dev/null
	@TSAN_OPTIONS=die_after_fork=0 $B/unit/node_api >/dev/null
	@TSAN_OPTIONS=die_after_fork=0 $B/unit/node_lives >/dev/null
	@TSAN_OPTIONS=die_after_fork=0 $B/unit/node_epoll >/dev/null
	@TSAN_OPTIONS=die_after_fork=0 $B/unit/node_poll >/dev/null
	@TSAN_OPTIONS=die_after_fork=0 $B/unit/node_bare >/dev/null
	@$B/unit/node_waits >/dev/null
	@B=$B RUNNER="process conform netlink" tools/check runner
.PHONY: san-check san-check-here thread-check thread-check-here

unit pkt sim mutate differ socket cost interop e2e: tests
	@B=$B tools/check $@

fuzz-quick: tests
	@B=$B tools/check fuzz

fuzz:
	@tools/deps check
	@$(MAKE) --no-print-directory -j$(JOBS) CC=clang FUZZER=1 \
		SAN=fuzzer-no-link,address,undefined B=$(BF) fuzz-progs
	@B=$B BF=$(BF) FUZZ_TIME=$(FUZZ_TIME) tools/check fuzz

fuzz-progs: $(FUZZ)

lint: all
	@B=$B tools/lint

bench: $(BENCHES)
bench-cost: $B/bench/cost
$(BENCHES): bench-%: all
	@IOTH=$(abspath $B/ioth) bench/$*.sh

D	= $(DESTDIR)$(PREFIX)
install: all
	install -d $(addprefix $D/,bin lib/pkgconfig include share/man/man1 share/man/man3 share/man/man7)
	install $B/ioth $D/bin
	install -m 644 $B/libioth.a $D/lib
	install $B/libioth.so $D/lib/$(SONAME)
	ln -sf $(SONAME) $D/lib/libioth.so
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@REQUIRES@|$(LIB_PKGS)|' src/ioth.pc.in \
		>$D/lib/pkgconfig/ioth.pc
	install -m 644 include/*.h $D/include
	install -m 644 man/*.1 $D/share/man/man1
	$(if $(wildcard man/*.3),install -m 644 $(wildcard man/*.3) $D/share/man/man3)
	install -m 644 man/*.7 $D/share/man/man7

clean:
	rm -rf build build-*

-include $(shell find $B -type f -name '*.d' 2>/dev/null)
