using System.Text;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Tests.Unit;

[TestFixture]
public sealed class LibpodErrorsTests
{
    // Status, cause and message as Podman 4.3.1 gives them.
    private static readonly (int Status, string Cause, string Message, ErrorCode Code, Effect Effect)[] Answers =
    [
        (409, "network already exists", "network name net-1 already used: network already exists", ErrorCode.Conflict, Effect.NotApplied),
        (409, "pod already exists", "failed to make pod: adding pod to state: name \"ins-1\" is in use: pod already exists", ErrorCode.Conflict, Effect.NotApplied),
        (500, "volume already exists", "volume with name dsk-1 already exists: volume already exists", ErrorCode.Conflict, Effect.NotApplied),
        (500, "that name is already in use", "creating container storage: the container name \"c\" is already in use by 1: that name is already in use", ErrorCode.Conflict, Effect.NotApplied),
        (500, "secret name in use", "datum-x-0: secret name in use", ErrorCode.Conflict, Effect.NotApplied),
        (500, "network is being used", "\"net-1\" has associated containers with it. Use -f to forcibly delete containers and pods: network is being used", ErrorCode.Conflict, Effect.NotApplied),
        (409, "volume is being used", "volume dsk-1 is being used by the following container(s): 1: volume is being used", ErrorCode.Conflict, Effect.NotApplied),
        (500, "", "subnet 10.200.3.0/24 is already used on the host or by another config", ErrorCode.Conflict, Effect.NotApplied),
        (500, "", "bridge name dp1 already in use", ErrorCode.Conflict, Effect.NotApplied),
        (500, "", "IPAM error: requested ip address 10.128.5.10 is already allocated to container ID 1", ErrorCode.Conflict, Effect.NotApplied),
        (500, "", "rootlessport listen tcp 0.0.0.0:80: bind: address already in use", ErrorCode.Conflict, Effect.NotApplied),
        (500, "network not found", "unable to find network with name or ID net-1: network not found", ErrorCode.NotReadyYet, Effect.NotApplied),
        (500, "image not known", "nginx: image not known", ErrorCode.NotReadyYet, Effect.NotApplied),
        (500, "no such secret", "no secret with name or id \"s\": no such secret", ErrorCode.NotReadyYet, Effect.NotApplied),
        (500, "no such volume", "no volume with name \"v\" found: no such volume", ErrorCode.NotReadyYet, Effect.NotApplied),
        (404, "no such pod", "unable to find pod p: no such pod", ErrorCode.PreconditionFailed, Effect.NotApplied),
        (404, "no such container", "no container with name or ID \"c\" found: no such container", ErrorCode.PreconditionFailed, Effect.NotApplied),
        (500, "", "runc create failed: exec: \"x\": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found", ErrorCode.Invalid, Effect.NotApplied),
        (500, "", "runc create failed: exec: \"/etc\": permission denied: OCI permission denied", ErrorCode.Invalid, Effect.NotApplied),
        (500, "", "sending SIGKILL to container 1: container state improper: stopped", ErrorCode.NotReadyYet, Effect.Unknown),
        (500, "", "writing blob: storing blob to file: no space left on device", ErrorCode.CapacityUnavailable, Effect.Unknown),
        (500, "", "fork/exec /usr/bin/conmon: cannot allocate memory", ErrorCode.CapacityUnavailable, Effect.Unknown),
    ];

    private static readonly (string Message, ErrorCode Code)[] Pulls =
    [
        ("toomanyrequests: You have reached your pull rate limit", ErrorCode.Throttled),
        ("initializing source docker://x:1: reading manifest 1 in docker.io/library/x: manifest unknown: manifest unknown", ErrorCode.Failed),
        ("reading manifest: name unknown: repository name not known to registry", ErrorCode.Failed),
        ("repository does not exist or may require authentication", ErrorCode.Failed),
        ("parsing reference \"X\": invalid reference format", ErrorCode.Invalid),
        ("choosing image instance: no image found in manifest list for architecture", ErrorCode.Failed),
        ("unable to retrieve auth token: invalid username/password: unauthorized: incorrect", ErrorCode.Forbidden),
        ("requested access to the resource is denied", ErrorCode.Forbidden),
        ("writing blob: no space left on device", ErrorCode.CapacityUnavailable),
        ("pinging container registry: dial tcp 127.0.0.1:5000: connect: connection refused", ErrorCode.Unavailable),
        ("dial tcp: lookup registry-1.docker.io: no such host", ErrorCode.Unavailable),
        ("dial tcp 192.0.2.1:443: i/o timeout", ErrorCode.Unavailable),
        ("lookup r on 10.0.0.1:53: server misbehaving", ErrorCode.Unavailable),
        ("context deadline exceeded", ErrorCode.Unavailable),
    ];

    [TestCaseSource(nameof(Answers))]
    public void An_answer_means((int Status, string Cause, string Message, ErrorCode Code, Effect Effect) answer)
    {
        var error = LibpodErrors.Table.Classify(Result(answer.Status, $$"""{"cause":{{Quote(answer.Cause)}},"message":{{Quote(answer.Message)}},"response":{{answer.Status}}}"""), mutation: true, TimeProvider.System);

        Assert.That((error.Code, error.Effect), Is.EqualTo((answer.Code, answer.Effect)));
        Assert.That(error.Message, Does.Contain(answer.Message));
    }

    [TestCaseSource(nameof(Pulls))]
    public void A_line_of_a_pull_means((string Message, ErrorCode Code) line) =>
        Assert.That(LibpodErrors.Pull.Classify(0, new ErrorDetail { Message = line.Message }, mutation: true).Code, Is.EqualTo(line.Code));

    [Test]
    public void Every_row_has_an_answer_that_it_decides()
    {
        Unused(LibpodErrors.Table, Answers.Select(a => a.Message));
        Unused(LibpodErrors.Pull, Pulls.Select(p => p.Message));

        static void Unused(ErrorTable table, IEnumerable<string> messages)
        {
            var hit = messages.Select(m => table.Rows.First(r => m.Contains(r.MessageContains!, StringComparison.OrdinalIgnoreCase))).ToHashSet();
            Assert.That(table.Rows.Where(r => !hit.Contains(r)).Select(r => r.MessageContains), Is.Empty);
        }
    }

    [Test]
    public void A_500_that_no_row_knows_may_have_taken_effect()
    {
        var error = LibpodErrors.Table.Classify(Result(500, """{"cause":"x","message":"something new","response":500}"""), mutation: true, TimeProvider.System);

        Assert.That((error.Code, error.Effect, error.PlatformCode), Is.EqualTo((ErrorCode.Unavailable, Effect.Unknown, "x")));
    }

    [TestCase("""{"Errs":["one","two"],"Id":"1"}""", "one; two")]
    [TestCase("plain text", "plain text")]
    [TestCase("[1]", "[1]")]
    public void Other_forms_of_errors_are_read_too(string body, string message) =>
        Assert.That(LibpodErrors.Read(Result(409, body)).Message, Is.EqualTo(message));

    [TestCase("""{"cause":"no such pod","message":"no pod with name or ID x found: no such pod","response":404}""", true)]
    [TestCase("""{"message":"no such page"}""", false)]
    [TestCase("Not Found", false)]
    [TestCase("[]", false)]
    [TestCase("", false)]
    public void L6_only_podmans_own_words_say_that_something_isnt_there(string body, bool absent) =>
        Assert.That(LibpodErrors.SaysNotThere(Result(404, body)), Is.EqualTo(absent));

    private static RestResult Result(int status, string body) => new() { Status = status, Body = Encoding.UTF8.GetBytes(body) };

    private static string Quote(string text) => System.Text.Json.JsonSerializer.Serialize(text);
}
