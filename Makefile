# make            build/ioth and build/libioth.a
# make check      unit, sim, packet scripts, quick interop and e2e (installs what is missing)
# SAN=address,undefined   a sanitizer build in its own directory
#
# Every src/<folder>/*.c is a module of the library except src/cmd, the command.
# Every test/unit/*.c and test/fuzz/*.c is a program of its own.

CC	?= gcc
SAN	?=
B	:= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
comma	:= ,

PKGS	:= libseccomp libsodium
CFLAGS	?= -O2 -g
CFLAGS	+= -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	   -Wmissing-prototypes -Wno-unused-parameter -fno-strict-aliasing \
	   -Isrc -Iinclude -MMD -MP -pthread $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
LDFLAGS	+= -pthread $(if $(SAN),-fsanitize=$(SAN))
LDLIBS	+= $(shell pkg-config --libs $(PKGS)) -ldl

LIB_SRC	:= $(wildcard src/base/*.c src/proto/*.c src/stack/*.c src/name/*.c \
	     src/plug/*.c src/switch/*.c src/node/*.c src/run/*.c)
CMD_SRC	:= $(wildcard src/cmd/*.c)
UNIT_SRC := $(wildcard test/unit/*.c)
LIB_OBJ	:= $(LIB_SRC:%.c=$B/%.o)
CMD_OBJ	:= $(CMD_SRC:%.c=$B/%.o)
UNIT	:= $(UNIT_SRC:test/unit/%.c=$B/unit/%)

.PHONY: all unit clean
.SECONDARY:
all: $B/libioth.a $(if $(CMD_SRC),$B/ioth)

$B/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$B/libioth.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$B/ioth: $(CMD_OBJ) $B/libioth.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$B/unit/%: $B/test/unit/%.o $B/libioth.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

unit: $(UNIT)
	@for t in $(UNIT); do timeout 60 $$t || exit 1; done

clean:
	rm -rf build build-*

-include $(shell find $B -name '*.d' 2>/dev/null)
