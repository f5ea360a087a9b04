using System.Text;
using Datum.Providers.Sdk.Tests.Support;

namespace Datum.Providers.Sdk.Tests;

internal sealed class OperationTests
{
    private readonly StandingClock _time = new();
    private HttpResponseMessage _answer = null!;
    private StubHandler _handler = null!;
    private RestClient _client = null!;

    [SetUp]
    public void MakeClient()
    {
        _answer = StubHandler.Answer(200);
        _handler = new StubHandler(_ => _answer);
        _client = Make.Client(_handler, _time, o => o with
        {
            BaseAddress = new Uri("https://compute.test/compute/v1/"),
            Errors = new ErrorTable
            {
                Rows =
                [
                    new() { PlatformCodes = ["ZONE_RESOURCE_POOL_EXHAUSTED*", "AllocationFailed", "Insufficient*Fault"], Code = ErrorCode.CapacityUnavailable, Effect = Effect.NotApplied },
                    new() { MessageContains = "no space left", Code = ErrorCode.CapacityUnavailable },
                ],
            },
        });
    }

    [TearDown]
    public void DisposeClient()
    {
        _client.Dispose();
        _handler.Dispose();
        _answer.Dispose();
    }

    [Test]
    public async Task An_operation_resource_runs_and_ends_and_its_error_goes_through_the_table()
    {
        var operations = new Operations(_client, new OperationResources());
        var begun = operations.Begin(Result(200, """{"name":"op-1","status":"PENDING","selfLink":"https://compute.test/compute/v1/projects/p/zones/z/operations/op-1"}"""));
        Assert.That((begun.Status, begun.Progress!.LookAgainAfter), Is.EqualTo((OperationStatus.Running, TimeSpan.FromSeconds(2))));
        Assert.That(begun.Progress!.Handle!.Data, Is.EqualTo($"op1:opres:{_time.Now.ToUnixTimeSeconds()}:/compute/v1/projects/p/zones/z/operations/op-1"));

        _time.Now += TimeSpan.FromSeconds(40);
        _answer = StubHandler.Answer(200, """{"status":"RUNNING","progress":40,"operationType":"insert"}""");
        var running = await operations.LookAsync(Make.Call(_time), begun.Progress.Handle);
        Assert.That((running.Progress!.LookAgainAfter, running.Progress.Message, running.Progress.Handle!.Data), Is.EqualTo((TimeSpan.FromSeconds(8), "insert: 40 %", begun.Progress.Handle.Data)));
        Assert.That(_handler.Sent[0].RequestUri!.AbsoluteUri, Is.EqualTo("https://compute.test/compute/v1/projects/p/zones/z/operations/op-1"));

        _answer = StubHandler.Answer(200, """{"status":"DONE","httpErrorStatusCode":403,"error":{"errors":[{"code":"QUOTA_X","message":"Quota is low"},{"code":"ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS","message":"No room"}]}}""");
        var failed = await operations.LookAsync(Make.Call(_time), running.Progress.Handle);
        Assert.That((failed.Status, failed.Error!.Code, failed.Error.Effect, failed.Error.PlatformCode), Is.EqualTo((OperationStatus.Failed, ErrorCode.CapacityUnavailable, Effect.NotApplied, "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS")));
        Assert.That(failed.Error!.Message, Does.Contain("Quota is low; No room"));

        _answer = StubHandler.Answer(200, """{"status":"DONE","httpErrorStatusCode":400,"error":{"errors":[{"code":"RESOURCE_IN_USE","message":"x"}]}}""");
        var unlisted = await operations.LookAsync(Make.Call(_time), running.Progress.Handle);
        Assert.That((unlisted.Error!.Code, unlisted.Error.Effect), Is.EqualTo((ErrorCode.Invalid, Effect.Unknown)), "the platform had begun");

        _answer = StubHandler.Answer(200, """{"status":"DONE"}""");
        Assert.That((await operations.LookAsync(Make.Call(_time), running.Progress.Handle)).Status, Is.EqualTo(OperationStatus.Succeeded));
    }

    [Test]
    public async Task An_operation_of_the_common_form_is_followed_by_name()
    {
        var operations = new Operations(_client, new OperationResources { Path = name => $"v1/{name}" });
        var begun = operations.Begin(Result(200, """{"name":"operations/7","done":false}"""));
        _answer = StubHandler.Answer(200, """{"name":"operations/7","done":true,"error":{"code":8,"message":"none","details":[{"reason":"ZONE_RESOURCE_POOL_EXHAUSTED"}]}}""");
        var failed = await operations.LookAsync(Make.Call(_time), begun.Progress!.Handle);
        Assert.That((failed.Error!.Code, _handler.Sent[0].RequestUri!.AbsolutePath), Is.EqualTo((ErrorCode.CapacityUnavailable, "/compute/v1/v1/operations/7")));
        Assert.That(operations.Begin(Result(200, """{"name":"operations/8","done":true}""")).Status, Is.EqualTo(OperationStatus.Succeeded), "it may be done at once");
    }

    [TestCase("Azure-AsyncOperation", "https://compute.test/subscriptions/s/operations/1?api-version=2", "a/subscriptions/s/operations/1?api-version=2")]
    [TestCase("Operation-Location", "/operations/1", "a/operations/1")]
    [TestCase("Location", "http://compute.test/results/1", "l/results/1")]
    [TestCase("Location", "https://evil.test/results/1", null)]
    [TestCase("Azure-AsyncOperation", "file:///etc/passwd", null)]
    public void An_async_address_becomes_a_handle_only_without_another_server(string header, string address, string? data)
    {
        var begun = new Operations(_client, new AsyncUrls()).Begin(Result(202, "", (header, address), ("Retry-After", "17")));
        Assert.That((begun.Status, begun.Progress!.LookAgainAfter), Is.EqualTo((OperationStatus.Running, TimeSpan.FromSeconds(17))));
        Assert.That(begun.Progress!.Handle?.Data, Is.EqualTo(data is null ? null : $"op1:asyncurl:{_time.Now.ToUnixTimeSeconds()}:{data}"));
    }

    [TestCase("a/o", 200, """{"status":"InProgress","percentComplete":50}""", OperationStatus.Running, null)]
    [TestCase("a/o", 200, """{"status":"Succeeded"}""", OperationStatus.Succeeded, null)]
    [TestCase("a/o", 200, """{"status":"Failed","error":{"code":"AllocationFailed","message":"no room"}}""", OperationStatus.Failed, ErrorCode.CapacityUnavailable)]
    [TestCase("a/o", 200, """{"status":"Canceled"}""", OperationStatus.Failed, ErrorCode.Failed)]
    [TestCase("a/o", 200, """{"other":1}""", OperationStatus.Unknown, null)]
    [TestCase("a/o", 200, "<html>", OperationStatus.Unknown, ErrorCode.Failed)]
    [TestCase("a/o", 404, "", OperationStatus.Unknown, null)]
    [TestCase("a/o", 500, "", OperationStatus.Unknown, ErrorCode.Unavailable)]
    [TestCase("a/o", 429, "", OperationStatus.Unknown, ErrorCode.Throttled)]
    [TestCase("l/o", 202, "", OperationStatus.Running, null)]
    [TestCase("l/o", 200, """{"id":1}""", OperationStatus.Succeeded, null)]
    [TestCase("l/o", 204, "", OperationStatus.Succeeded, null)]
    [TestCase("l/o", 409, """{"error":{"code":"AllocationFailed","message":"no room"}}""", OperationStatus.Failed, ErrorCode.CapacityUnavailable)]
    [TestCase("l/o", 403, "", OperationStatus.Unknown, ErrorCode.Forbidden)]
    [TestCase("x/o", 200, "", OperationStatus.Unknown, null)]
    [TestCase("a//evil.test/o", 200, """{"status":"Succeeded"}""", OperationStatus.Unknown, null)]
    public async Task An_async_address_is_read_as_it_answers(string data, int status, string body, OperationStatus expected, ErrorCode? code)
    {
        _answer = StubHandler.Answer(status, body);
        var look = await new Operations(_client, new AsyncUrls()).LookAsync(Make.Call(_time), Handle($"op1:asyncurl:{_time.Now.ToUnixTimeSeconds()}:{data}"));
        Assert.That((look.Status, look.Error?.Code), Is.EqualTo((expected, code)));
        Assert.That(look.Progress is not null, Is.EqualTo(expected == OperationStatus.Running));
    }

    [TestCase(200)]
    [TestCase(201)]
    [TestCase(204)]
    public void An_answer_without_an_address_is_done(int status) =>
        Assert.That(new Operations(_client, new AsyncUrls()).Begin(Result(status, "")).Status, Is.EqualTo(OperationStatus.Succeeded));

    [Test]
    public void A_refused_mutation_is_a_failed_one()
    {
        var error = new DriverError { Code = ErrorCode.Conflict, Effect = Effect.NotApplied, Message = "x" };
        var look = new Operations(_client, new AsyncUrls()).Begin(new RestResult { Status = 409, Error = error });
        Assert.That((look.Status, look.Error), Is.EqualTo((OperationStatus.Failed, error)));
    }

    [TestCase("""{"data":{"status":"running","type":"qmclone"}}""", OperationStatus.Running, null)]
    [TestCase("""{"data":{"status":"stopped","exitstatus":"OK"}}""", OperationStatus.Succeeded, null)]
    [TestCase("""{"data":{"status":"stopped","exitstatus":"WARNINGS: 2"}}""", OperationStatus.Succeeded, null)]
    [TestCase("""{"data":{"status":"stopped","exitstatus":"lvcreate: No space left on device"}}""", OperationStatus.Failed, ErrorCode.CapacityUnavailable)]
    [TestCase("""{"data":{"status":"stopped","exitstatus":"command failed"}}""", OperationStatus.Failed, ErrorCode.Failed)]
    [TestCase("""{"data":{"status":"stopped"}}""", OperationStatus.Unknown, null)]
    public async Task A_Proxmox_task_is_asked_for_at_its_node(string body, OperationStatus expected, ErrorCode? code)
    {
        const string Upid = "UPID:pve-2:0003B2C1:01A2B3C4:65A1B2C3:qmclone:100:root@pam!t:";
        var operations = new Operations(_client, PlatformTasks.Proxmox());
        var begun = operations.Begin(Result(200, $$"""{"data":"{{Upid}}"}"""));
        _answer = StubHandler.Answer(200, body);
        var look = await operations.LookAsync(Make.Call(_time), begun.Progress!.Handle);
        Assert.Multiple(() =>
        {
            Assert.That((look.Status, look.Error?.Code), Is.EqualTo((expected, code)));
            Assert.That(Uri.UnescapeDataString(_handler.Sent[0].RequestUri!.AbsolutePath), Is.EqualTo($"/compute/v1/nodes/pve-2/tasks/{Upid}/status"));
            Assert.That(operations.Begin(Result(200, """{"data":null}""")).Status, Is.EqualTo(OperationStatus.Succeeded), "no task, nothing to follow");
        });
    }

    [Test]
    public async Task A_task_id_cannot_lead_elsewhere([Values("UPID:../../access:1:2:3:4:5:6:", "UPID::1:2:3:4:5:6:", "UPID:a/b:1:2:3:4:5:6:", "nothing")] string upid)
    {
        var look = await new Operations(_client, PlatformTasks.Proxmox()).LookAsync(Make.Call(_time), Handle($"op1:upid:1893456000:{upid}"));
        Assert.That((look.Status, _handler.Sent.Count), Is.EqualTo((OperationStatus.Unknown, 0)));
    }

    [Test]
    public async Task A_vSphere_fault_is_classified_by_its_causes_too()
    {
        var operations = new Operations(_client, PlatformTasks.VSphere("8.0.1.0"));
        var begun = operations.Begin(Result(200, """{"_typeName":"ManagedObjectReference","type":"Task","value":"task-12"}"""));
        _answer = StubHandler.Answer(200, """
            {"state":"error","error":{"_typeName":"LocalizedMethodFault","localizedMessage":"Can't place","fault":{"_typeName":"PlacementFault",
            "faultCause":{"localizedMessage":"No memory","fault":{"_typeName":"InsufficientMemoryResourcesFault"}}}}}
            """);
        var look = await operations.LookAsync(Make.Call(_time), begun.Progress!.Handle);
        Assert.That((look.Error!.Code, look.Error.PlatformCode, _handler.Sent[0].RequestUri!.AbsolutePath),
            Is.EqualTo((ErrorCode.CapacityUnavailable, "InsufficientMemoryResourcesFault", "/compute/v1/sdk/vim25/8.0.1.0/Task/task-12/info")));
        Assert.That(look.Error!.Message, Does.Contain("Can't place"));
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase("op1:asyncurl:x:a/o")]
    [TestCase("op1:asyncurl:99999999999999:a/o")]
    [TestCase("op1:asyncurl:1893456000:")]
    [TestCase("op2:asyncurl:1893456000:a/o")]
    [TestCase("op1:upid:1893456000:a/o")]
    [TestCase("sim1:whatever")]
    public async Task A_handle_that_is_unknown_or_of_another_version_counts_as_none(string? data)
    {
        var look = await new Operations(_client, new AsyncUrls()).LookAsync(Make.Call(_time), data is null ? null : Handle(data));
        Assert.That((look.Status, look.Error, _handler.Sent.Count), Is.EqualTo((OperationStatus.Unknown, (DriverError?)null, 0)));
    }

    [Test]
    public async Task A_handle_expires_and_fits_the_contract()
    {
        var operations = new Operations(_client, new AsyncUrls { Life = TimeSpan.FromMinutes(10) });
        var handle = operations.Begin(Result(202, "", ("Location", "/o"))).Progress!.Handle!;
        Assert.That(handle.ExpiresAt, Is.EqualTo(_time.Now.AddMinutes(10)));
        _answer = StubHandler.Answer(204);
        Assert.That((await operations.LookAsync(Make.Call(_time), handle)).Status, Is.EqualTo(OperationStatus.Succeeded));
        _time.Now += TimeSpan.FromMinutes(10);
        Assert.That((await operations.LookAsync(Make.Call(_time), handle)).Status, Is.EqualTo(OperationStatus.Unknown));

        var tooLong = operations.Begin(Result(202, "", ("Location", "/o?x=" + new string('y', 1024))));
        Assert.That((tooLong.Status, tooLong.Progress!.Handle), Is.EqualTo((OperationStatus.Running, (Handle?)null)));
        var longest = operations.Begin(Result(202, "", ("Location", "/o?x=" + new string('y', 980))));
        Assert.That(longest.Progress!.Handle!.Data, Has.Length.LessThanOrEqualTo(1024).And.Length.GreaterThan(1000));
    }

    [TestCase("pending", OperationStatus.Running)]
    [TestCase("ACTIVE", OperationStatus.Succeeded)]
    [TestCase("Error", OperationStatus.Failed)]
    [TestCase("hibernating", OperationStatus.Unknown)]
    [TestCase(null, OperationStatus.Unknown)]
    public void A_state_is_what_the_lists_say_and_never_success_by_default(string? state, OperationStatus expected)
    {
        var look = new ResourceStates { Running = ["PENDING", "BUILD"], Succeeded = ["Active"], Failed = ["ERROR"] }
            .Look(state, TimeSpan.FromMinutes(3), _client.Errors, state == "Error" ? new ErrorDetail { Code = "AllocationFailed" } : null);
        Assert.That((look.Status, look.Progress?.LookAgainAfter, look.Error?.Code),
            Is.EqualTo((expected, expected == OperationStatus.Running ? TimeSpan.FromSeconds(30) : (TimeSpan?)null, expected == OperationStatus.Failed ? ErrorCode.CapacityUnavailable : (ErrorCode?)null)));
        Assert.That(look.Progress?.Handle, Is.Null);
    }

    [Test]
    public void The_pause_grows_with_the_age_and_never_shrinks()
    {
        var pauses = Enumerable.Range(0, 1000).Select(s => Operations.Pause(TimeSpan.FromSeconds(s))).ToList();
        Assert.That(pauses, Is.Ordered);
        Assert.That((pauses[0], pauses[^1]), Is.EqualTo((TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(60))));
    }

    private static Handle Handle(string data) => new() { Data = data };

    private static RestResult Result(int status, string body, params (string Name, string Value)[] headers) => new()
    {
        Status = status,
        Body = Encoding.UTF8.GetBytes(body),
        Headers = headers.ToImmutableDictionary(h => h.Name, h => h.Value, StringComparer.OrdinalIgnoreCase),
    };
}
