/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What telemetry says of the driver's ports, asked over its socket as its users do.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

static int
connect_to_telemetry(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 10};
	char greeting[1024];
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dpdk_telemetry.v2",
		 rte_eal_get_runtime_dir());
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(recv(fd, greeting, sizeof(greeting), 0) > 0);
	return fd;
}

static const char *
answer(const char *question)
{
	static char text[16384];
	int fd = connect_to_telemetry();
	ssize_t len;

	assert_true(send(fd, question, strlen(question), 0) > 0);
	len = recv(fd, text, sizeof(text) - 1, 0);
	close(fd);
	assert_true(len > 0);
	text[len] = '\0';
	return text;
}

static void
expect(const char *question, const char *part)
{
	const char *said = answer(question);

	if (strstr(said, part) == NULL)
		fail_msg("%s: no %s in %s", question, part, said);
}

static void
test_answers(void **state)
{
	struct vmx_setup setup = {
		.device.versions = VMX_VERSIONS_TO(3), .num_rx_queues = 2, .mtu = 1400};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(t.id, 0);
	expect("/pvn/net_pvn_vmxnet3/list", "{\"/pvn/net_pvn_vmxnet3/list\":[0]}");
	expect("/pvn/net_pvn_vmxnet3/port,0", "\"device\":\"0000:00:03.0\"");
	expect("/pvn/net_pvn_vmxnet3/port,0", "\"version\":3");
	expect("/pvn/net_pvn_vmxnet3/port,0", "\"active\":1");
	expect("/pvn/net_pvn_vmxnet3/port,0", "\"rx_queues\":2");
	expect("/pvn/net_pvn_vmxnet3/port,0", "\"mtu\":1400");
	expect("/pvn/net_pvn_vmxnet3/rx_queue,0,1", "\"descriptors\":64");
	expect("/pvn/net_pvn_vmxnet3/rx_queue,0,1", "\"ring1_posted\":63");
	expect("/pvn/net_pvn_vmxnet3/tx_queue,0,0", "\"in_flight\":0");
	expect("/pvn/net_pvn_vmxnet3/rx_queue,0,0", "\"data_slot_bytes\":128");
	expect("/pvn/net_pvn_vmxnet3/tx_queue,0,0", "\"data_slot_bytes\":128");
	expect("/pvn/net_pvn_vmxnet3/port,0", "\"event_interrupt\":1");
	expect("/pvn/net_pvn_vmxnet3/port,0", "\"queue_failed\":0");
	vmx_device_event(t.dev, VMXNET3_EVENT_RQERR, 0x80000001u);
	vmx_host_deliver_interrupts(t.port);
	expect("/pvn/net_pvn_vmxnet3/port,0", "\"queue_failed\":1");
	vmx_stop(&t);
	expect("/pvn/net_pvn_vmxnet3/port,0", "\"active\":0");
	vmx_close(&t);
	expect("/pvn/net_pvn_vmxnet3/list", "[]");
}

/* Whatever is asked for: null, and the port lives. */
static void
test_nonsense(void **state)
{
	static const char *const questions[] = {
		"port",
		"port,",
		"port,1",
		"port,-1",
		"port,0x",
		"port,99999999999",
		"port,0,0",
		"rx_queue,0",
		"rx_queue,0,1",
		"rx_queue,0,",
		"rx_queue,0,a",
		"tx_queue,0,65535",
		"tx_queue,0,70000",
		"tx_queue,1,0",
		"tx_queue,0,0,0",
	};
	struct vmx_test t;
	char question[128];

	(void)state;
	vmx_open(&t, NULL);
	for (size_t i = 0; i < RTE_DIM(questions); i++) {
		snprintf(question, sizeof(question), "/pvn/net_pvn_vmxnet3/%s", questions[i]);
		expect(question, "null");
	}
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_answers),
		VMX_TEST(test_nonsense),
	};

	setenv("PVN_DEVICE_TELEMETRY", "1", 1);
	return VMX_RUN(tests);
}
