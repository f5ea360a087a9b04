using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>Each row of the error table, by what the platform says.</summary>
public sealed class ErrorTests
{
    private static readonly ErrorTable Table = PveErrors.Table(new Redactor());

    [TestCase(595, "No route to host", ErrorCode.Unavailable, ErrorScope.Zone)]
    [TestCase(500, "hostname lookup 'pve9' failed - failed to get address info for: pve9: Name or service not known", ErrorCode.Unavailable, ErrorScope.Zone)]
    [TestCase(401, "no such user ('datum@pve')", ErrorCode.Unauthenticated, ErrorScope.Account)]
    [TestCase(401, "permission denied - invalid PVE ticket", ErrorCode.Unauthenticated, ErrorScope.Account)]
    [TestCase(403, "Permission check failed (/vms/100, VM.Clone)", ErrorCode.Forbidden, ErrorScope.Resource)]
    [TestCase(500, "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase(500, "VM is locked (clone)", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase(500, "cluster not ready - no quorum?", ErrorCode.Unavailable, ErrorScope.Account)]
    [TestCase(0, "Permission check failed (/storage/ceph, Datastore.AllocateSpace)", ErrorCode.Forbidden, ErrorScope.Resource)]
    [TestCase(500, "authentication failure", ErrorCode.Unauthenticated, ErrorScope.Account)]
    [TestCase(500, "invalid user name and password", ErrorCode.Unauthenticated, ErrorScope.Account)]
    [TestCase(0, "write failed: Disk quota exceeded", ErrorCode.QuotaExceeded, ErrorScope.Account)]
    [TestCase(0, "not enough space on storage", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(0, "copy failed: No space left on device", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(0, "lvcreate 'pve/vm-100-disk-0' error: insufficient free space", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(0, "zfs error: cannot create: out of space", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(0, "start failed: cannot set up guest memory 'pc.ram': Cannot allocate memory", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(0, "not enough memory", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(500, "no online node in list", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(500, "detected modified configuration - file changed by other user? Try again.", ErrorCode.PreconditionFailed, ErrorScope.Resource)]
    [TestCase(500, "unable to create VM 100 - VM 100 already exists on node 'pve1'", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(500, "create sdn vnet object failed: sdn vnet object ID 'x' already defined", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(500, "create sdn vnet object failed: invalid lock token provided! at /usr/share/perl5/PVE/Network/SDN.pm line 305.", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(500, "refusing to override existing file '/var/lib/vz/import/x.qcow2'", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(500, "VM 100 already running", ErrorCode.PreconditionFailed, ErrorScope.Resource)]
    [TestCase(500, "subnet 10.0.0.0/8 overlaps with 10.1.0.0/16", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(500, "can't remove VM 100 - protection mode enabled", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(500, "Security group 'x' is not empty", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(500, "volume is still in use", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(500, "QEMU guest agent is not running", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase(0, "VM 100 is running - destroy failed", ErrorCode.PreconditionFailed, ErrorScope.Resource)]
    [TestCase(500, "VM 100 not running", ErrorCode.PreconditionFailed, ErrorScope.Resource)]
    [TestCase(500, "shrinking disks is not supported", ErrorCode.Unsupported, ErrorScope.Resource)]
    [TestCase(501, "Method not implemented", ErrorCode.Unsupported, ErrorScope.Resource)]
    [TestCase(501, "Method 'POST /cluster/sdn/lock' not implemented", ErrorCode.Unsupported, ErrorScope.Resource)]
    [TestCase(500, "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase(500, "no such security group 'x'", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase(500, "failed to open file: No such file or directory", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase(400, "Parameter verification failed.", ErrorCode.Invalid, ErrorScope.Resource)]
    [TestCase(500, "net0: invalid format - format error", ErrorCode.Invalid, ErrorScope.Resource)]
    public void A_text_means_what_the_table_says(int status, string message, ErrorCode expected, ErrorScope scope)
    {
        var error = Table.Classify(status, new ErrorDetail { Message = message }, mutation: true);
        Assert.That((error.Code, error.Effect, error.Scope), Is.EqualTo((expected, Effect.NotApplied, scope)));
    }

    [TestCase(500, "got no worker upid - start worker failed")]
    [TestCase(500, "got timeout")]
    [TestCase(500, "connection timed out")]
    [TestCase(596, "Connection timed out")]
    [TestCase(596, "broken pipe")]
    [TestCase(599, "Too many redirections")]
    public void What_may_have_begun_leaves_the_effect_open(int status, string message)
    {
        var error = Table.Classify(status, new ErrorDetail { Message = message }, mutation: true);
        Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.Unknown)));
    }

    [Test]
    public void A_task_that_ends_with_unknown_words_is_failed() =>
        Assert.That(Table.ClassifyLate(0, new ErrorDetail { Message = "command 'frobnicate' failed: exit code 1" }).Code, Is.EqualTo(ErrorCode.Failed));

    [Test]
    public void Every_row_is_met_by_a_text_of_these_tests()
    {
        var texts = GetType().GetMethods().SelectMany(m => m.GetCustomAttributes(typeof(TestCaseAttribute), false).Cast<TestCaseAttribute>()).Select(c => (Status: (int)c.Arguments[0]!, Text: (string)c.Arguments[1]!)).ToList();
        Assert.That(PveErrors.Rows.Where(r => !texts.Any(t => First(t.Status, t.Text) == r)).Select(r => r.MessageContains ?? $"{r.Status}"), Is.Empty);
    }

    [Test]
    public void What_is_wrong_with_each_parameter_stands_in_the_message()
    {
        var detail = PveErrors.Detail(new RestResult
        {
            Status = 400, ReasonPhrase = "Parameter verification failed.",
            Body = """{"data":null,"message":"Parameter verification failed.\n","errors":{"vmid":"value must have a minimum value of 100"}}"""u8.ToArray(),
        });
        Assert.That(detail.Message, Is.EqualTo("Parameter verification failed. (vmid: value must have a minimum value of 100)"));
    }

    private static ErrorRow? First(int status, string text) =>
        PveErrors.Rows.FirstOrDefault(r => (r.Status is null || r.Status == status) && (r.MessageContains is null || text.Contains(r.MessageContains, StringComparison.OrdinalIgnoreCase)));
}
