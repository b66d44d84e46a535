# `make help` lists the targets.  Variables: B = build directory,
# CC = gcc or clang, SAN=1 = AddressSanitizer and UBSan, COV=1 = coverage.

SHELL   := /bin/bash
B       ?= build
V       ?= 0
PERL    ?= perl
PREFIX  ?= /usr

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

NGX     := /usr/share/nginx/src
NGX_ABS := $(abspath $(B)/ngx)

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
           -Wmissing-prototypes -Wpointer-arith -Wno-unused-parameter
OPT     := -g -O2
ifeq ($(SAN),1)
OPT     := -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined
LDSAN   := -fsanitize=address,undefined
endif
ifeq ($(FUZZING),1)
OPT     := -g -O1 -fno-omit-frame-pointer \
           -fsanitize=fuzzer-no-link,address,undefined \
           -fno-sanitize-recover=undefined
LDSAN   := -fsanitize=fuzzer,address,undefined
endif
ifeq ($(COV),1)
OPT     := -g -O0 --coverage
LDSAN   := --coverage
endif
HARDEN  := -fPIC -fvisibility=hidden -fstack-protector-strong -Wformat \
           -Werror=format-security
INC     := -Icore -Ibus -I$(B)
CF      := -std=gnu11 $(OPT) $(HARDEN) $(WARN) $(INC) -MMD -MP
# nginx's own headers do not stand our stricter warnings
NGXWARN := -Wall -Wextra -Werror -Wpointer-arith -Wno-unused-parameter \
           -Wno-cast-function-type -Wno-missing-field-initializers
NGXINC  := $(addprefix -isystem ,$(NGX)/src/core $(NGX)/src/event \
           $(NGX)/src/event/modules $(NGX)/src/os/unix $(NGX)/src/http \
           $(NGX)/src/http/modules $(wildcard $(NGX)/src/http/v2 \
           $(NGX)/src/http/v3 $(NGX)/src/event/quic) $(NGX_ABS))

MSGPACK := $(shell pkg-config --libs msgpack-c 2>/dev/null || \
             pkg-config --libs msgpack 2>/dev/null || echo -lmsgpackc)
LIBS    := -l:libhiredis.a $(MSGPACK) -lyajl -lsodium -lz

CORE_C  := $(wildcard core/*.c core/gen/*.c)
BUS_C   := $(wildcard bus/*.c bus/gen/*.c)
NGX_C   := $(wildcard ngx_chat_module/*.c lua-free-admin/api/ngx_*.c)
API_C   := $(filter-out $(wildcard lua-free-admin/api/ngx_*.c), \
             $(wildcard lua-free-admin/api/*.c))
STATD_C := $(wildcard statd/*.c)
CTL_C   := $(wildcard ctl/*.c)
UNIT_C  := $(wildcard t/unit/*.c t/unit/*/*.c)
DIST    := widget/dist lua-free-admin/web/dist
FUZZ_C  := $(wildcard t/fuzz/*.c)

obj      = $(patsubst %.c,$(B)/%.o,$(1))
LIB_O   := $(call obj,$(CORE_C) $(BUS_C) $(API_C))
UNITS   := $(patsubst t/unit/%.c,$(B)/t/unit/%,$(UNIT_C))
FUZZERS := $(patsubst t/fuzz/%.c,$(B)/t/fuzz/%,$(FUZZ_C))
# with a main that replays their corpora they are units
UNITS   += $(FUZZERS)

MODULE  := $(B)/ngx_http_chat_module.so
STATD   := $(B)/chat-statd
CTL     := $(B)/chatctl

ifeq ($(V),0)
Q := @
say = @printf '  %-5s %s\n' $(1) $(2)
endif


## all: the module, the daemon and the command-line tool (default)
all: $(MODULE) $(STATD) $(CTL)

$(B)/libchat.a: $(LIB_O)
	$(call say,AR,$@)
	$(Q)rm -f $@; ar rcs $@ $^

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D); $(CC) $(CF) $(CFLAGS) -c -o $@ $<

# the module: the same objects of core and bus, linked privately
$(B)/ngx/ngx_auto_config.h: $(NGX)/conf_flags /usr/sbin/nginx
	$(call say,CONF,nginx headers)
	$(Q)mkdir -p $(B); cd $(NGX) && . ./conf_flags && ./configure \
	    --with-cc-opt="-g -O2 -fPIC" --with-ld-opt="-fPIC" \
	    "$${NGX_CONF_FLAGS[@]}" --builddir=$(NGX_ABS) \
	    > $(abspath $(B))/ngx-configure.log 2>&1
	$(Q)test -f $@ && touch $@

$(B)/ngx_chat_module/%.o: ngx_chat_module/%.c $(B)/ngx/ngx_auto_config.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D); $(CC) -std=gnu11 $(OPT) $(HARDEN) $(NGXWARN) $(INC) \
	    -Ingx_chat_module -Ilua-free-admin/api $(NGXINC) -MMD -MP \
	    $(CFLAGS) -c -o $@ $<

$(B)/lua-free-admin/api/ngx_%.o: lua-free-admin/api/ngx_%.c \
                                 $(B)/ngx/ngx_auto_config.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D); $(CC) -std=gnu11 $(OPT) $(HARDEN) $(NGXWARN) $(INC) \
	    -Ingx_chat_module -Ilua-free-admin/api $(NGXINC) -MMD -MP \
	    $(CFLAGS) -c -o $@ $<

$(B)/modules.c: Makefile
	$(Q)mkdir -p $(B); { echo '#include <ngx_config.h>'; \
	    echo '#include <ngx_core.h>'; \
	    echo 'extern ngx_module_t ngx_http_chat_module;'; \
	    echo '#pragma GCC visibility push(default)'; \
	    echo 'ngx_module_t *ngx_modules[] = { &ngx_http_chat_module, NULL };'; \
	    echo 'char *ngx_module_names[] = { "ngx_http_chat_module", NULL };'; \
	    echo 'char *ngx_module_order[] = { NULL };'; } > $@

$(B)/modules.o: $(B)/modules.c $(B)/ngx/ngx_auto_config.h
	$(Q)$(CC) $(OPT) $(HARDEN) $(NGXINC) -c -o $@ $<

# the browsers' bundles, inside of the module
$(B)/assets.c: packaging/assets.pl $(shell find $(DIST) 2>/dev/null)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(B); $(PERL) packaging/assets.pl . $@

$(B)/assets.o: $(B)/assets.c $(B)/ngx/ngx_auto_config.h \
               ngx_chat_module/ngx_http_chat_static.h
	$(Q)$(CC) $(OPT) $(HARDEN) -Ingx_chat_module $(NGXINC) -c -o $@ $<

$(MODULE): $(call obj,$(NGX_C)) $(B)/modules.o $(B)/assets.o $(B)/libchat.a \
           packaging/symbols.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -o $@ $(filter %.o,$^) $(B)/libchat.a $(LDSAN) \
	    -Wl,-z,relro -Wl,-z,now -Wl,--exclude-libs,ALL \
	    -Wl,--version-script=packaging/symbols.map $(LIBS)

$(STATD): $(call obj,$(STATD_C)) $(B)/libchat.a
	$(call say,LD,$@)
	$(Q)$(CC) -o $@ $^ $(LDSAN) $(LIBS) -lm

$(CTL): $(call obj,$(CTL_C)) $(B)/libchat.a
	$(call say,LD,$@)
	$(Q)$(CC) -o $@ $^ $(LDSAN) $(LIBS) -lm

$(B)/t/unit/%: t/unit/%.c $(B)/libchat.a
	$(call say,UNIT,$@)
	$(Q)mkdir -p $(@D); $(CC) $(CF) -It/unit -Ilua-free-admin/api $(CFLAGS) -o $@ $< \
	    $(B)/libchat.a $(LDSAN) -lcmocka $(LIBS) -lm

# a file of the module that needs of nginx only what t/unit/ngx_*.h have
$(B)/t/unit/ngx_chat_module/%: t/unit/ngx_chat_module/%.c t/unit/ngx_loop.h \
                               $(B)/ngx_chat_module/%.o
	$(call say,UNIT,$@)
	$(Q)mkdir -p $(@D); $(CC) -std=gnu11 $(OPT) $(HARDEN) $(NGXWARN) \
	    -It/unit -Ingx_chat_module $(INC) $(NGXINC) -MMD -MP $(CFLAGS) \
	    -o $@ $< $(filter %.o,$^) $(HEAP) $(LDSAN) -lcmocka $(LIBS)

REPLAY  := $(if $(FUZZING),,$(B)/t/fuzz/main/replay.o)
$(B)/t/fuzz/%: t/fuzz/%.c $(REPLAY) $(B)/libchat.a
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D); $(CC) $(CF) -It/unit $(CFLAGS) -o $@ $< \
	    $(filter %.o,$^) $(B)/libchat.a $(HEAP) $(LDSAN) $(LIBS) -lm

# replies are built in nginx' memory: t/unit/ngx_heap.h
REPLY_O := $(addprefix $(B)/ngx_chat_module/ngx_http_chat_,reply.o spare.o)
REPLY   := $(addprefix $(B)/t/,fuzz/reply \
           unit/ngx_chat_module/ngx_http_chat_reply)
$(REPLY): $(REPLY_O)
$(REPLY): private HEAP := -Wl,--wrap=free
$(B)/t/fuzz/reply: private CF += -Ingx_chat_module $(NGXINC)

$(B)/t/%.so: t/lib/%.c
	$(call say,SHIM,$@)
	$(Q)mkdir -p $(@D); $(CC) $(filter-out -fsanitize%,$(OPT)) $(WARN) \
	    -fPIC -shared -o $@ $<

## gen: write what is generated from schema/ and bus/scripts/
gen:
	$(Q)$(PERL) schema/gen.pl

# pinned packages, without their install scripts
node_modules/.package-lock.json: package.json package-lock.json .npmrc
	$(call say,NPM,node_modules)
	$(Q)npm ci --no-progress --loglevel=error >/dev/null
	$(Q)touch $@

## web: build the browsers' bundles (committed; needs Node)
web: node_modules/.package-lock.json
	$(Q)npm run --silent build

## deps: install what is missing of packaging/deps.txt (asks nothing)
deps:
	$(Q)packaging/run/deps run test

## run: the demo on 127.0.0.1: private Redis, nginx, daemon; Ctrl-C ends it
run:
	$(Q)packaging/run/deps run
	$(Q)$(MAKE) --no-print-directory all
	$(Q)CHAT_BUILD=$(abspath $(B)) packaging/run/run

## stop: end a demo started elsewhere by `make run`
stop:
	$(Q)packaging/run/run stop

# what runs alone after everything else: it loads the machine on purpose
ALONE   := $(wildcard t/chaos_minute.t)
TESTS   := $(filter-out $(ALONE),$(wildcard t/*.t))
RUNT     = CHAT_BUILD=$(abspath $(B)) $(PERL) t/run.pl --jobs $(JOBS)
JOBS    ?= 2

## test: everything that must pass, within 12 minutes
test:
	$(Q)packaging/run/deps run test
	$(Q)$(MAKE) --no-print-directory all units-build \
	    $(B)/t/slow_fsync.so $(B)/t/heap.so \
	    node_modules/.package-lock.json
	$(Q)$(MAKE) --no-print-directory prove

# two steps, since the first may install what the second looks for
prove: export CHAT_SLOW ?= 2
prove:
	$(Q)$(RUNT) $(addprefix --alone ,$(ALONE)) $(UNITS) $(TESTS)

## times: how soon faults are noticed and healed, to the second (alone)
# `make test` allows twice as long, since it shares the processors
TIMED   := $(addprefix t/,bus_redis_faults.t bus_redis_tcp.t \
           fault_herd.t fault_redis_away.t fault_redis_hole.t \
           fault_redis_refuses.t fault_redis_replica.t reloads.t \
           session_slow.t)
times: all
	$(Q)CHAT_SLOW=1 $(RUNT) --jobs 1 $(TIMED)

## test-full: test, times, checks, sanitizers, long chaos, packages, fresh machine
# with tests that build an earlier commit or take minutes, too
test-full: export CHAT_LONG := 1
test-full: test times check asan chaos deb fresh-test

## units: the C unit tests only
units: units-build
	$(Q)$(RUNT) $(UNITS)

units-build: $(UNITS)

## fuzz: every fuzz target for FUZZ_SECONDS (FUZZ=NAME: only that one)
FUZZ_SECONDS ?= 60
FUZZ    ?= $(notdir $(FUZZERS))
FUZZ_B  := $(B)-fuzz
fuzz:
	$(Q)set -e; for f in $(FUZZ); do \
	    $(MAKE) --no-print-directory CC=clang FUZZING=1 B=$(FUZZ_B) \
	        $(FUZZ_B)/t/fuzz/$$f; \
	    mkdir -p $(FUZZ_B)/corpus/$$f; \
	    $(FUZZ_B)/t/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) \
	        -max_len=8192 -timeout=10 -print_final_stats=1 \
	        -artifact_prefix=$(FUZZ_B)/t/fuzz/$$f- \
	        $(FUZZ_B)/corpus/$$f t/fuzz/corpus/$$f; \
	done

## asan: units and end-to-end tests under AddressSanitizer and UBSan
ASAN_T  ?= $(filter-out t/meta_% t/e2e_% t/web_%,$(TESTS))
asan:
	$(Q)$(MAKE) --no-print-directory SAN=1 B=$(B)-asan all units-build \
	    $(B)-asan/t/slow_fsync.so
	$(Q)SAN=1 CHAT_BUILD=$(abspath $(B)-asan) $(PERL) t/run.pl --jobs $(JOBS) \
	    $(UNITS:$(B)/%=$(B)-asan/%) $(ASAN_T)

## check: both compilers, cppcheck
check:
	$(Q)packaging/run/deps run test full
	$(Q)$(MAKE) --no-print-directory CC=gcc B=$(B)-gcc all units-build
	$(Q)$(MAKE) --no-print-directory CC=clang B=$(B)-clang all units-build
	$(Q)cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	    --enable=warning,performance,portability -j $(JOBS) \
	    --suppress=missingIncludeSystem --suppress=nullPointerArithmetic \
	    -DNGX_PTR_SIZE=8 -Icore -Ibus -Ingx_chat_module \
	    -Ilua-free-admin/api core bus ngx_chat_module lua-free-admin/api \
	    statd ctl

## chaos: the faults of Chat::Chaos under load, in any order (MINUTES=10, SEED=n)
chaos: all $(B)/t/slow_fsync.so $(B)/t/heap.so
	$(Q)CHAT_BUILD=$(abspath $(B)) $(PERL) bench/chaos.pl \
	    $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

## soak: half an hour of clients that come and go: memory stays flat
SOAK    ?= --rounds 30 --messages 20000 --clients 100
soak: all $(B)/t/heap.so
	$(Q)CHAT_BUILD=$(abspath $(B)) $(PERL) bench/soak.pl $(SOAK)

## fresh-test: `make run` and `make test` on a bare Debian 12 (root, apt)
fresh-test:
	$(Q)packaging/run/deps full
	$(Q)B=$(abspath $(B)) packaging/run/fresh-test

## bench: us, nchan and socket.io in turns; writes bench/RESULTS.md
BENCH_O := $(call obj,$(wildcard bench/*.c))
$(BENCH_O): CF += -D_GNU_SOURCE
$(B)/bench/load: $(BENCH_O) $(B)/libchat.a
	$(call say,LD,$@)
	$(Q)$(CC) -o $@ $^ $(LDSAN) $(LIBS) -lssl -lcrypto

# the peers: pinned, their install scripts never run
bench/node_modules/.package-lock.json: bench/package.json \
                                       bench/package-lock.json
	$(call say,NPM,bench/node_modules)
	$(Q)cd bench && npm ci --ignore-scripts --no-progress \
	    --loglevel=error >/dev/null
	$(Q)touch $@

bench-build:
	$(Q)packaging/run/deps run test bench
	$(Q)$(MAKE) --no-print-directory all $(B)/bench/load \
	    bench/node_modules/.package-lock.json

bench: bench-build
	$(Q)CHAT_BUILD=$(abspath $(B)) $(PERL) bench/run.pl

## bench-quick: the same in two minutes, into bench/QUICK.md (not kept)
bench-quick: bench-build
	$(Q)CHAT_BUILD=$(abspath $(B)) $(PERL) bench/run.pl --quick

## install: into $(DESTDIR)$(PREFIX) and nginx's module directory
NGXMODS ?= /usr/lib/nginx/modules
install: all
	install -d $(DESTDIR)$(NGXMODS) $(DESTDIR)$(PREFIX)/bin \
	    $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/doc/nginx-chat \
	    $(DESTDIR)/usr/share/nginx/modules-available
	install -m 644 $(MODULE) $(DESTDIR)$(NGXMODS)/
	install -m 755 $(STATD) $(DESTDIR)$(PREFIX)/sbin/
	install -m 755 $(CTL) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 README.md CHANGES docs/*.md \
	    $(DESTDIR)$(PREFIX)/share/doc/nginx-chat/
	install -m 644 packaging/mod-http-chat.conf \
	    $(DESTDIR)/usr/share/nginx/modules-available/

# does nginx take the module?  It loads, and its directives are known
conf-test: $(MODULE)
	$(Q)mkdir -p $(B)/conf-test; { echo "load_module $(abspath $(MODULE));"; \
	    echo 'pid $(abspath $(B))/conf-test/pid; events { }'; \
	    echo 'http { chat_zone chat 8m; chat_redis 127.0.0.1:6379;'; \
	    echo 'access_log off; server { listen 127.0.0.1:8080;'; \
	    echo 'server_name shop.example; chat on; } }'; } > $(B)/conf-test/conf
	$(Q)/usr/sbin/nginx -t -q -e stderr -p $(abspath $(B))/conf-test/ \
	    -c $(abspath $(B))/conf-test/conf

## deb: Debian packages of what is committed, into B/deb
deb:
	$(Q)packaging/run/deps run full
	rm -rf $(B)/deb && mkdir -p $(B)/deb/src
	git archive HEAD | tar -x -C $(B)/deb/src
	cp -r packaging/deb $(B)/deb/src/debian
	cd $(B)/deb/src && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b
	cd $(B)/deb && lintian --fail-on error \
	    --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog \
	    *.changes

## fmt: trailing blanks, tabs and last newlines of what is committed
fmt:
	$(Q)git ls-files -z '*.c' '*.h' '*.pl' '*.pm' '*.t' '*.lua' '*.md' \
	    '*.ts' '*.tsx' '*.mjs' '*.css' '*.schema' | grep -zv '/dist/' | \
	    xargs -0 $(PERL) -0777 -i -pe 's/[ \t\r]+$$//mg; s/\n*\z/\n/; \
	    1 while s/^([^\t\n]*)\t/$$1 . " " x (8 - length($$1) % 8)/mge'

## clean: remove the build directories
clean:
	rm -rf $(B) $(B)-asan $(B)-gcc $(B)-clang $(B)-fuzz

## help: this list
help:
	@sed -n 's/^## \([a-z-]*\): /  \1\t/p' $(MAKEFILE_LIST) | expand -t 14

# build directories keep no other *.d; the fresh machine is not one
-include $(shell find $(B) -path $(B)/fresh -prune -o -type f -name '*.d' -print 2>/dev/null)

.PHONY: all asan bench bench-build bench-quick chaos check clean conf-test deb deps fmt fresh-test fuzz \
        gen help install prove run soak stop test test-full times units units-build web
