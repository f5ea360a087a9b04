using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>kubectl, a client that others wrote, against the real server and the embedded one: it has to say the same of both.</summary>
[TestFixture]
public sealed class KubectlBothTests
{
    private static int s_case;
    private static int s_calls;
    private TempFolder folder = null!;
    private BothServers servers = null!;
    private KubectlRunner real = null!;
    private KubectlRunner ours = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        KubectlRunner.Require();
        folder = new TempFolder();
        servers = await BothServers.StartAsync(Definitions.Rules());
        real = new KubectlRunner((await RealApiServer.SharedAsync()).KubeConfigPath, folder.File("real"));
        ours = new KubectlRunner(servers.Embedded.WriteKubeconfig(folder.File("kubeconfig")), folder.File("ours"));
        foreach (var name in (string[])["widgets", "gadgets", "rules"])
        {
            var definition = Definitions.Read(name + ".yaml");
            // Another fixture may have installed it on the shared server.
            await servers.Real.SendAsync("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition, "application/yaml");
            await servers.Ours.ExpectAsync(201, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition, "application/yaml");
        }

        await servers.ServedAsync("/apis/test.example.com/v1/widgets");
        await servers.ServedAsync("/apis/test.example.com/v1/rules");
        await servers.ServedAsync("/apis/scale.example.com/v1/gadgets");
        // The real server's OpenAPI follows its definitions after a moment.
        await Eventually.HoldsAsync(async () => (await real.RunAsync("explain wd")).Code == 0 && (await real.RunAsync("explain gd")).Code == 0, "the real server explains the kinds", 60);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        TestContext.Progress.WriteLine($"kubectl: {s_case} cases, {s_calls} calls on each server");
        if (servers is not null) await servers.DisposeAsync();
        folder?.Dispose();
    }

    [TestCaseSource(typeof(KubectlCases), nameof(KubectlCases.All))]
    public async Task Play(Call[] calls)
    {
        var space = "k-" + Interlocked.Increment(ref s_case);
        await servers.ExpectAsync(201, "POST", "/api/v1/namespaces", $$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{space}}"} }""");
        foreach (var call in calls)
        {
            var arguments = call.Arguments.Replace("{ns}", space, StringComparison.Ordinal);
            if (!arguments.Contains("-n ", StringComparison.Ordinal) && !arguments.Contains(" -A", StringComparison.Ordinal) && !arguments.Contains("--raw", StringComparison.Ordinal)) arguments += " -n " + space;
            var input = call.Input?.Replace("{ns}", space, StringComparison.Ordinal);
            var editor = call.Editor?.Replace("{ns}", space, StringComparison.Ordinal);
            Interlocked.Increment(ref s_calls);
            var results = await Task.WhenAll(real.RunAsync(arguments, input, editor), ours.RunAsync(arguments, input, editor));
            if (results[0].ToString() == results[1].ToString()) continue;
            var (left, right) = (results[0].ToString().Split('\n'), results[1].ToString().Split('\n'));
            var lines = left.Except(right).Select(l => "real     " + l).Concat(right.Except(left).Select(l => "embedded " + l)).ToArray();
            Assert.Fail($"kubectl {arguments}\n{input}\n{(lines.Length == 0 ? results[0] + "\n=====\n" + results[1] : string.Join('\n', lines))}");
        }
    }

    [TestCase("get wd -w")]
    [TestCase("get wd --watch-only")]
    [TestCase("get wd -w -o name")]
    [TestCase("get wd -w -l team=x")]
    [TestCase("get wd -w --output-watch-events")]
    public async Task Watches_show_the_same_lines(string arguments)
    {
        var space = "w-" + Interlocked.Increment(ref s_case);
        var seen = new List<string>[2];
        foreach (var (runner, at) in new[] { (real, 0), (ours, 1) })
        {
            await runner.RunAsync("create -f -", $$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{space}}"} }""");
            var lines = seen[at] = [];
            await runner.RunAsync($"create -n {space} -f -", """{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{"name":"a","labels":{"team":"x"}},"spec":{"size":3}}""");
            using var watch = runner.Start($"{arguments} -n {space}");
            var reading = Task.Run(async () =>
            {
                while (await watch.StandardOutput.ReadLineAsync() is { } line)
                {
                    lock (lines) lines.Add(KubectlRunner.Mask(line));
                }
            });
            try
            {
                // A watch that lists nothing first says nothing of its beginning: a marker object is made until it shows up.
                var markers = 0;
                await Eventually.HoldsAsync(async () =>
                {
                    await runner.RunAsync($"create -n {space} -f -", $$"""{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{"name":"marker-{{markers++}}","labels":{"team":"x"} },"spec":{"size":1} }""");
                    lock (lines) return lines.Any(l => l.Contains("marker-", StringComparison.Ordinal));
                }, "the watch shows a marker");
                await runner.RunAsync($$"""patch -n {{space}} wd a --type=merge -p '{"spec":{"size":7} }'""");
                await runner.RunAsync($"label -n {space} wd a team-");
                await runner.RunAsync($"delete -n {space} wd a");
                await runner.RunAsync($"create -n {space} -f -", """{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{"name":"last","labels":{"team":"x"}},"spec":{"size":2}}""");
                await Eventually.HoldsAsync(() =>
                {
                    lock (lines) return Task.FromResult(lines.Any(l => l.Contains("last", StringComparison.Ordinal)));
                }, "the watch shows the last object");
            }
            finally
            {
                watch.Kill();
                await reading;
            }

            lines.RemoveAll(l => l.Contains("marker-", StringComparison.Ordinal));
        }

        Assert.That(seen[1], Is.EqualTo(seen[0]));
    }
}
