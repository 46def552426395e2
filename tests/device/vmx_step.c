/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#define _GNU_SOURCE
#include "vmx_step.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#ifdef __x86_64__

#define TRAP_FLAG 0x100

static void (*step_fn)(void *arg);
static void *step_arg;
static uint64_t steps;
static volatile sig_atomic_t stepping;

/* The flag is clear in here; it comes back with the saved context, unless taken out of it. */
static void
on_trap(int sig, siginfo_t *info, void *context)
{
	greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	if (!stepping) {
		gregs[REG_EFL] &= ~TRAP_FLAG;
		return;
	}
	steps++;
	step_fn(step_arg);
}

void
vmx_step_begin(void (*fn)(void *arg), void *arg)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_trap;
	action.sa_flags = SA_SIGINFO;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGTRAP, &action, NULL) < 0)
		abort();
	step_fn = fn;
	step_arg = arg;
	steps = 0;
	stepping = 1;
	/* 128 bytes below the stack pointer may be in use. */
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\t"
			 "pushfq\n\t"
			 "orq $0x100, (%%rsp)\n\t"
			 "popfq\n\t"
			 "leaq 128(%%rsp), %%rsp"
			 :
			 :
			 : "cc", "memory");
}

uint64_t
vmx_step_end(void)
{
	stepping = 0; /* the next trap clears the flag */
	return steps;
}

#else

/* Only x86 lets a program trap each of its own instructions. */
void
vmx_step_begin(void (*fn)(void *arg), void *arg)
{
	(void)fn;
	(void)arg;
}

uint64_t
vmx_step_end(void)
{
	return 0;
}

#endif
