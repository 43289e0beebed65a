/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All programs as one object, so that they share the maps: one file a hook, included here.
 */
#include "bpf/port_ingress.c"
#include "bpf/inject_ingress.c"
#include "bpf/stack_egress.c"
#include "bpf/sockops.c"

char wire_license[] SEC("license") = "Dual BSD/GPL";
