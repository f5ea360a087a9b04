using System.Globalization;
using System.Net;

namespace Datum.Providers.Drivers.Podman.Tests.Unit;

/// <summary>DC-113 to DC-115 on answers as Podman 4.3.1 gave them.</summary>
[TestFixture]
public sealed class UsageTests
{
    private const long Begin = 1_795_996_190_809_124_326;

    private static readonly ListQuery s_query = new() { Installation = "t1" };

    [Test]
    public async Task DC_114_use_is_that_of_the_time_between_two_readings_and_not_of_the_whole_life()
    {
        var podman = new FakePodman { Pods = { new('a', Capacity: "500") } };
        using var host = podman.Host();
        await using var driver = await host.ConnectAsync();

        var first = await ReadAsync(driver);
        podman.Pass(seconds: 15, used: 1.5);
        var second = await ReadAsync(driver);
        podman.Pass(seconds: 15, used: 0);
        var third = await ReadAsync(driver);

        Assert.That((first.Items.Length, first.Complete), Is.EqualTo((0, true)), "nothing to compare with");
        // The infra container's share is in it.
        Assert.That(second.Items.Single(), Is.EqualTo(new UsageSample
        {
            Name = new string('a', 32), Incarnation = 3, CpuMillis = 200, CpuCapacityMillis = 500, ObservedAt = DateTimeOffset.UnixEpoch.AddTicks((Begin + 15_000_000_000) / 100),
        }));
        Assert.That(third.Items.Single().CpuMillis, Is.Zero);
        Assert.That(host.Requests.Select(r => r.Split('?')[0].Replace("/v4.0.0/libpod/", "", StringComparison.Ordinal)),
            Is.EqualTo(new[] { "containers/json", "info", "containers/stats", "containers/json", "containers/stats", "containers/json", "containers/stats" }));
        Assert.That(host.Requests[2], Does.EndWith("/containers/stats?stream=false&containers=infra-a&containers=web-a"));
    }

    [TestCase("v1", null)]
    [TestCase("v2", 3_000L)]
    [TestCase(null, null)]
    public async Task DC_114_memory_is_told_where_the_number_is_without_what_can_be_given_back(string? cgroups, long? memory)
    {
        var podman = new FakePodman { Cgroups = cgroups, Pods = { new('a') } };
        using var host = podman.Host();
        await using var driver = await host.ConnectAsync();
        await ReadAsync(driver);
        podman.Pass(15, 1);

        var sample = (await ReadAsync(driver)).Items.Single();

        Assert.That((sample.MemoryBytes, sample.CpuCapacityMillis), Is.EqualTo((memory, (long?)null)), "without a label there is no quota");
    }

    [Test]
    public async Task DC_113_what_doesnt_run_isnt_ours_or_just_ended_is_left_out()
    {
        var podman = new FakePodman
        {
            Pods =
            {
                new('a'), new('b', State: "exited"), new('c', PodName: "copy"), new('d', Mark: "ins-other"), new('e', State: "paused"), new('f', Ended: true),
            },
        };
        using var host = podman.Host();
        await using var driver = await host.ConnectAsync();
        await ReadAsync(driver);
        podman.Pass(15, 1);

        var page = await ReadAsync(driver);

        Assert.That((string.Concat(page.Items.Select(i => i.Name[0])), page.Complete), Is.EqualTo(("ae", true)));
        Assert.That(host.Requests[^1], Does.Not.Contain("-b").And.Not.Contain("-c").And.Not.Contain("-d").And.Contain("-f"));
        Assert.That(Uri.UnescapeDataString(host.Requests[0]), Does.Contain("datum-install=t1").And.Contain("datum-kind=ins"));
    }

    [Test]
    public async Task Nothing_that_runs_is_no_question_about_all_containers_of_the_machine()
    {
        var podman = new FakePodman { Pods = { new('a', State: "exited") } };
        using var host = podman.Host();
        await using var driver = await host.ConnectAsync();

        var page = await ReadAsync(driver);

        Assert.That((page.Items.Length, page.Next, page.Complete, host.Requests.Count), Is.EqualTo((0, (string?)null, true, 1)));
    }

    [Test]
    public async Task DC_113_pages_measure_each_pod_once_and_ask_for_their_own_containers_only()
    {
        var podman = new FakePodman { Pods = { new('c'), new('a'), new('b') } };
        using var host = podman.Host();
        await using var driver = await host.ConnectAsync();
        await ReadAsync(driver);
        podman.Pass(15, 1);
        host.Requests.Clear();

        var first = await ReadAsync(driver, size: 2);
        podman.Pass(0.1, 0.1);
        var second = await ReadAsync(driver, size: 2, first.Next);

        Assert.That((string.Concat(first.Items.Select(i => i.Name[0])), string.Concat(second.Items.Select(i => i.Name[0])), second.Next), Is.EqualTo(("ab", "c", (string?)null)));
        Assert.That(host.Requests.Where(r => r.Contains("/stats", StringComparison.Ordinal)).Select(r => r.Count(c => c == '&')), Is.EqualTo(new[] { 4, 2 }));
        // Another session goes on from the cursor, and has measured nothing yet.
        await using var other = await host.ConnectAsync();
        var elsewhere = await ReadAsync(other, size: 2, first.Next);
        Assert.That((elsewhere.Items.Length, elsewhere.Next), Is.EqualTo((0, (string?)null)));
    }

    [Test]
    public async Task A_page_ends_where_its_address_would_get_too_long()
    {
        var podman = new FakePodman { Pods = { new('a', Containers: 499), new('b'), new('c') } };
        using var host = podman.Host();
        await using var driver = await host.ConnectAsync();

        var first = await ReadAsync(driver);
        var second = await ReadAsync(driver, cursor: first.Next);

        Assert.That((first.Next is null, second.Next), Is.EqualTo((false, (string?)null)));
        Assert.That(host.Requests.Where(r => r.Contains("/stats", StringComparison.Ordinal)).Select(r => r.Count(c => c == '&')), Is.EqualTo(new[] { 500, 4 }));
    }

    [Test]
    public async Task DC_115_an_error_behind_status_200_is_an_error_and_the_counters_before_it_stay()
    {
        var podman = new FakePodman { Pods = { new('a') } };
        using var host = podman.Host();
        await using var driver = await host.ConnectAsync();
        await ReadAsync(driver);
        podman.Pass(15, 1.5);

        podman.Stats = """{"Error":{},"Stats":null}""";
        var error = (await ((IUsageReader)driver).ListUsageAsync(Real.Calls.New(), s_query, null)).Error!;
        podman.Stats = """{"Error":{"cause":"x"},"Stats":[]}""";
        var worded = (await ((IUsageReader)driver).ListUsageAsync(Real.Calls.New(), s_query, null)).Error!;
        podman.Stats = """{"Error":null,"Stats":[]}""";
        var empty = await ReadAsync(driver);
        podman.Stats = null;
        var after = await ReadAsync(driver);

        Assert.That((error.Code, error.Effect, error.Scope), Is.EqualTo((ErrorCode.NotReadyYet, Effect.NotApplied, ErrorScope.Resource)));
        Assert.That(worded.Code, Is.EqualTo(ErrorCode.NotReadyYet));
        Assert.That(empty.Items, Is.Empty);
        Assert.That(after.Items.Single().CpuMillis, Is.EqualTo(200));
    }

    [TestCase("containers/json")]
    [TestCase("info")]
    [TestCase("containers/stats")]
    public async Task DC_115_a_request_that_fails_is_no_page(string path)
    {
        var podman = new FakePodman { Pods = { new('a') }, Fails = path };
        using var host = podman.Host();
        await using var driver = await host.ConnectAsync();

        var answer = await ((IUsageReader)driver).ListUsageAsync(Real.Calls.New(), s_query, null);

        Assert.That((answer.Value, answer.Error?.Code), Is.EqualTo(((UsagePage?)null, ErrorCode.Unavailable)));
    }

    [TestCase("x")]
    [TestCase("")]
    [TestCase("after-ins:aaa")]
    public async Task DC_59_a_cursor_of_another_listing_is_refused_without_a_request(string cursor)
    {
        using var host = new FakePodman().Host();
        await using var driver = await host.ConnectAsync();

        var error = (await ((IUsageReader)driver).ListUsageAsync(Real.Calls.New(), s_query, cursor)).Error!;

        Assert.That((error.Code, error.Effect, host.Requests.Count), Is.EqualTo((ErrorCode.PreconditionFailed, Effect.NotApplied, 0)));
    }

    private static async Task<UsagePage> ReadAsync(IInfrastructureDriver driver, int size = 0, string? cursor = null)
    {
        var answer = await ((IUsageReader)driver).ListUsageAsync(Real.Calls.New(), s_query with { PageSize = size }, cursor);
        Assert.That(answer.Error, Is.Null);
        return answer.Value!;
    }

    /// <summary>One pod: its infra container and containers of one state.</summary>
    private sealed record Pod(char Letter, string State = "running", string? PodName = null, string Mark = "ins", string? Capacity = null, bool Ended = false, int Containers = 1)
    {
        public string Name => new(Letter, 32);

        public IEnumerable<string> Ids => ["infra-" + Letter, .. Enumerable.Range(0, Containers).Select(i => i == 0 ? "web-" + Letter : $"web-{Letter}-{i}")];
    }

    /// <summary>Answers as Podman does, at a time of the test's.</summary>
    private sealed class FakePodman
    {
        private long _at;
        private long _used = 48_000_000_000;

        public List<Pod> Pods { get; } = [];

        public string? Cgroups { get; init; } = "v1";

        public string? Fails { get; init; }

        /// <summary>The whole answer of the next readings of counters.</summary>
        public string? Stats { get; set; }

        public Answers Host() => new(r => new HttpResponseMessage(Fails is not null && r.RequestUri!.AbsolutePath.EndsWith(Fails, StringComparison.Ordinal) ? HttpStatusCode.InternalServerError : HttpStatusCode.OK)
        {
            Content = new StringContent(r.RequestUri!.AbsolutePath["/v4.0.0/libpod/".Length..] switch
            {
                "info" => $$$"""{"host":{"cgroupVersion":{{{(Cgroups is null ? "null" : $"\"{Cgroups}\"")}}},"hostname":"h"},"store":{}}""",
                "containers/json" => $"[{string.Join(',', Pods.SelectMany(List))}]",
                "containers/stats" => Stats ?? $$"""{"Error":null,"Stats":[{{string.Join(',', Pods.SelectMany(p => p.Ids.Where(i => r.RequestUri.Query.Split('&').Contains("containers=" + i)).Select(i => Counters(p, i))))}}]}""" + "\n",
                var path => throw new InvalidOperationException(path),
            }),
        });

        /// <summary>Time goes by, in which every container uses so many seconds of a processor, and every infra container the same.</summary>
        public void Pass(double seconds, double used)
        {
            _at += (long)(seconds * 1e9);
            _used += (long)(used * 1e9);
        }

        private static IEnumerable<string> List(Pod pod) => pod.Ids.Select((id, i) =>
        {
            var labels = $$"""{"datum-install":"t1","datum-kind":"{{pod.Mark}}","datum-name":"{{pod.Name}}","datum-incarnation":"3"{{(i == 0 ? "" : ",\"datum-part\":\"container-web\"")}}{{(i == 0 && pod.Capacity is { } cpu ? $",\"datum-cpu\":\"{cpu}\"" : "")}}}""";
            return string.Create(CultureInfo.InvariantCulture, $$"""
                {"Id":"{{id}}","IsInfra":{{(i == 0 ? "true" : "false")}},"Labels":{{labels}},"Names":["x"],"Pid":{{7000 + i}},"Pod":"pod-{{pod.Letter}}","PodName":"{{pod.PodName ?? "ins-" + pod.Name}}","StartedAt":1795996069,"State":"{{(i == 0 ? "running" : pod.State)}}"}
                """);
        });

        private string Counters(Pod pod, string id)
        {
            var runs = !pod.Ended || id.StartsWith("infra", StringComparison.Ordinal);
            return string.Create(CultureInfo.InvariantCulture, $$"""
                {"AvgCPU":42.8,"ContainerID":"{{id}}","Name":"x","PerCPU":[1,2],"CPU":42.8,"CPUNano":{{(runs ? _used : 0)}},"CPUSystemNano":108000000,"SystemNano":{{(runs ? Begin + _at : 0)}},"MemUsage":{{(runs ? 1500 : 0)}},"MemLimit":25276502016,"MemPerc":0.25,"NetInput":516,"NetOutput":1680,"BlockInput":0,"BlockOutput":0,"PIDs":1,"UpTime":1317156766,"Duration":1317156766}
                """);
        }
    }
}
