# SPDX-License-Identifier: Apache-2.0
# The commands people type. The build itself is meson's; each target installs what it needs first
# (a set that is there costs a few milliseconds).

BUILD ?= build
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr
DESTDIR ?=
LAB_NAME ?= lab
PYTHON := /usr/bin/python3

.PHONY: all demo test test-long bench bench-sms lab install clean deps-build

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja: | deps-build
	@CC=$(CC) meson setup $(BUILD) --prefix $(PREFIX)

deps-build:
	@packaging/deps build

# lab/demo looks first whether the machine can, then installs and builds.
demo:
	@lab/demo

test: | deps-build
	@packaging/deps test
	@tests/run

test-long: | deps-build
	@packaging/deps test
	@tests/run --long

bench: | deps-build
	@packaging/deps bench
	@$(MAKE) --no-print-directory all
	@bench/run

# Two minutes of events into the management system, then pages of them.
bench-sms: | deps-build
	@packaging/deps lab
	@$(MAKE) --no-print-directory all
	@bench/sms

lab: | deps-build
	@packaging/deps lab
	@$(MAKE) --no-print-directory all
	@lab/lab --name $(LAB_NAME) up $(CONFIG)
	@lab/hints --name $(LAB_NAME)

install: all
	@meson install -C $(BUILD) --no-rebuild --quiet $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))
	@$(if $(DESTDIR),true,systemd-sysusers sluice.conf && systemd-tmpfiles --create sluice.conf)
	@$(if $(DESTDIR),true,! test -d /run/systemd/system || systemctl daemon-reload)

clean:
	rm -rf $(BUILD) build-clang build-asan build-tsan build-fuzz
