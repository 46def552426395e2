/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The fault handler decodes the faulting instruction, performs it by editing the saved registers,
 * and moves the saved instruction pointer behind it. Faults outside of our pages go to the handler
 * that was there before (a sanitizer's, usually). Everything is synchronous: the interrupted code
 * was in the middle of a register access, so the device model may allocate and print.
 */
#define _GNU_SOURCE
#include "vmx_bar.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "vmx_cpu.h"

#define BARS_MAX 64

struct vmx_bar {
	uint8_t *driver;
	uint8_t *device;
	size_t size;
	const struct vmx_bar_ops *ops;
	void *arg;
};

static struct vmx_bar *bars[BARS_MAX];
static struct sigaction previous;
static pthread_once_t check_once = PTHREAD_ONCE_INIT;

static struct vmx_bar *
bar_at(const void *addr)
{
	uintptr_t a = (uintptr_t)addr;

	for (size_t i = 0; i < BARS_MAX; i++) {
		struct vmx_bar *bar = __atomic_load_n(&bars[i], __ATOMIC_ACQUIRE);

		if (bar != NULL && a - (uintptr_t)bar->driver < bar->size)
			return bar;
	}
	return NULL;
}

static void
pass_on(int sig, siginfo_t *info, void *context)
{
	if ((previous.sa_flags & SA_SIGINFO) != 0) {
		previous.sa_sigaction(sig, info, context);
	} else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
		signal(sig, SIG_DFL); /* the access faults again and ends the process */
	} else {
		previous.sa_handler(sig);
	}
}

static void
refuse(const struct vmx_bar *bar, const void *addr, const uint8_t *code)
{
	fprintf(stderr,
		"device register at offset 0x%zx touched by an instruction that is no "
		"aligned 32-bit load or store:",
		(size_t)((const uint8_t *)addr - bar->driver));
	for (int i = 0; i < VMX_INSN_MAX; i++)
		fprintf(stderr, " %02x", code[i]);
	fprintf(stderr, "\n");
	abort();
}

static void
emulate(const struct vmx_bar *bar, uint32_t offset, const struct vmx_insn *insn,
	ucontext_t *context)
{
	if (insn->store)
		bar->ops->write(bar->arg, offset, vmx_cpu_stored(context, insn));
	else
		vmx_cpu_load(context, insn, bar->ops->read(bar->arg, offset));
	vmx_cpu_skip(context, insn);
}

static void
on_fault(int sig, siginfo_t *info, void *context)
{
	const struct vmx_bar *bar = bar_at(info->si_addr);
	struct vmx_insn insn;
	const uint8_t *code;
	uint32_t offset;

	if (bar == NULL) {
		pass_on(sig, info, context);
		return;
	}
	code = vmx_cpu_code(context);
	offset = (uint32_t)((uint8_t *)info->si_addr - bar->driver);
	if (offset % 4 != 0 || vmx_cpu_decode(code, &insn) < 0)
		refuse(bar, info->si_addr, code);
	emulate(bar, offset, &insn, context);
}

void
vmx_bar_arm(void)
{
	struct sigaction action;

	if (sigaction(SIGSEGV, NULL, &action) < 0)
		abort();
	if ((action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_fault)
		return;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_fault;
	/* NODEFER: the device may itself touch a bad address, and that must be reported. */
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGSEGV, &action, &previous) < 0)
		abort();
}

static int
map_twice(struct vmx_bar *bar)
{
	int fd = memfd_create("vmx-bar", MFD_CLOEXEC);
	int ret = -1;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)bar->size) == 0) {
		bar->driver = mmap(NULL, bar->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		bar->device = mmap(NULL, bar->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (bar->driver != MAP_FAILED && bar->device != MAP_FAILED)
			ret = 0;
	}
	close(fd);
	return ret;
}

static int
enter(struct vmx_bar *bar)
{
	for (size_t i = 0; i < BARS_MAX; i++) {
		struct vmx_bar *none = NULL;

		if (__atomic_compare_exchange_n(&bars[i], &none, bar, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return 0;
	}
	return -1;
}

static void
leave(struct vmx_bar *bar)
{
	for (size_t i = 0; i < BARS_MAX; i++) {
		if (bars[i] == bar)
			__atomic_store_n(&bars[i], NULL, __ATOMIC_RELEASE);
	}
	munmap(bar->driver, bar->size);
	munmap(bar->device, bar->size);
}

static uint32_t
check_read(void *arg, uint32_t offset)
{
	(void)arg;
	return offset;
}

static void
check_write(void *arg, uint32_t offset, uint32_t value)
{
	(void)offset;
	*(uint32_t *)arg = value;
}

/*
 * Whether registers are precise when a fault is handled. They are on a CPU; under valgrind only
 * with an option, without which drivers would seem to write nonsense: the value stored is
 * overwritten in its register right behind the access, so that an optimiser sees no need to keep
 * it.
 */
static void
check_precise(void)
{
	static const struct vmx_bar_ops ops = {.read = check_read, .write = check_write};
	uint32_t seen = 0;
	struct vmx_bar bar = {.size = 4096, .ops = &ops, .arg = &seen};

	if (map_twice(&bar) < 0 || enter(&bar) < 0)
		abort();
	vmx_bar_trap(&bar, true);
	vmx_cpu_store_and_forget(bar.driver, 0x5EED);
	leave(&bar);
	if (seen == 0x5EED)
		return;
	fprintf(stderr, "registers are not precise in a fault handler; run valgrind with "
			"--vex-iropt-register-updates=allregs-at-mem-access\n");
	exit(EXIT_FAILURE);
}

struct vmx_bar *
vmx_bar_create(size_t size, const struct vmx_bar_ops *ops, void *arg)
{
	struct vmx_bar *bar = calloc(1, sizeof(*bar));

	if (bar == NULL)
		return NULL;
	bar->size = size;
	bar->ops = ops;
	bar->arg = arg;
	vmx_bar_arm();
	pthread_once(&check_once, check_precise);
	if (map_twice(bar) < 0 || enter(bar) < 0) {
		free(bar);
		return NULL;
	}
	return bar;
}

void
vmx_bar_free(struct vmx_bar *bar)
{
	if (bar == NULL)
		return;
	leave(bar);
	free(bar);
}

void
vmx_bar_trap(struct vmx_bar *bar, bool trapped)
{
	int prot = trapped ? PROT_NONE : PROT_READ | PROT_WRITE;

	if (mprotect(bar->driver, bar->size, prot) < 0)
		abort();
}

void *
vmx_bar_driver_view(const struct vmx_bar *bar)
{
	return bar->driver;
}

uint32_t *
vmx_bar_device_view(const struct vmx_bar *bar)
{
	return (uint32_t *)(void *)bar->device;
}
