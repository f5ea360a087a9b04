using System.Diagnostics;
using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>kubectl, a client that others wrote, works with the plane.</summary>
[TestFixture]
public sealed class KubectlTests
{
    private DevPlaneServer server = null!;
    private TempFolder folder = null!;
    private string config = "";

    [SetUp]
    public async Task StartAsync()
    {
        if (Find() is null) throw SharedFolder.Missing("kubectl", "there is no kubectl on PATH");
        folder = new TempFolder();
        server = await DevPlaneServer.StartAsync(new DevPlaneOptions { StatePath = folder.File("state"), CelRules = Definitions.Rules() });
        config = server.WriteKubeconfig(folder.File("kubeconfig"));
        await ApplyAsync(Definitions.Read("widgets.yaml"));
    }

    [TearDown]
    public async Task StopAsync()
    {
        if (server is not null) await server.DisposeAsync();
        folder?.Dispose();
    }

    [Test]
    public async Task Apply_creates_leaves_alone_and_changes()
    {
        Assert.That(await ApplyAsync(Widget(3)), Does.Contain("widget.test.example.com/a created"));
        Assert.That(await ApplyAsync(Widget(3)), Does.Contain("unchanged"));
        Assert.That(await ApplyAsync(Widget(4)), Does.Contain("configured"));
        Assert.That(await RunAsync("get", "widget", "a", "-o", "jsonpath={.spec.size} {.metadata.generation}"), Is.EqualTo("4 2"));
    }

    [Test]
    public async Task Apply_refuses_what_the_schema_refuses()
    {
        var (code, output) = await TryAsync(Widget(3).Replace("size", "sise", StringComparison.Ordinal), "apply", "-f", "-");
        Assert.That(code, Is.Not.Zero);
        Assert.That(output, Does.Contain("unknown field \"spec.sise\""));
    }

    [Test]
    public async Task Apply_changes_config_maps_secrets_and_namespaces()
    {
        await ApplyAsync("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: b}\n");
        await ApplyAsync("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {c: d}\n");
        Assert.That(await RunAsync("get", "cm", "m", "-o", "jsonpath={.data}"), Is.EqualTo("{\"c\":\"d\"}"));
        await ApplyAsync("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n");
        Assert.That(await RunAsync("get", "secret", "s", "-o", "jsonpath={.data.a}"), Is.EqualTo("Yg=="));
        await ApplyAsync("apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n");
        Assert.That(await RunAsync("delete", "ns", "team"), Does.Contain("deleted"));
    }

    [Test]
    public async Task Get_prints_columns_yaml_wide_and_by_short_name_and_category()
    {
        await ApplyAsync(Widget(3));
        await RunAsync("patch", "widget", "a", "--subresource=status", "--type=merge", "-p", """{"status":{"conditions":[{"type":"Ready","status":"True"}]}}""");
        var plain = (await RunAsync("get", "wd")).Split('\n');
        Assert.That(plain[0].Split(' ', StringSplitOptions.RemoveEmptyEntries), Is.EqualTo(new[] { "NAME", "SIZE", "READY", "AGE" }));
        Assert.That(plain[1].Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(3), Is.EqualTo(new[] { "a", "3", "True" }));
        Assert.That(await RunAsync("get", "widgets.v1.test.example.com", "-o", "wide"), Does.Contain("MODE"));
        Assert.That(await RunAsync("get", "all"), Does.Contain("True"));
        Assert.That(await RunAsync("get", "wd", "a", "-o", "yaml"), Does.Contain("hello"));
        Assert.That(await RunAsync("describe", "wd", "a"), Does.Contain("Size:"));
        Assert.That(await RunAsync("api-resources"), Does.Contain("widgets").And.Contain("wd"));
        Assert.That(await RunAsync("explain", "widget.spec.size"), Does.Contain("integer"));
    }

    [Test]
    public async Task Label_annotate_and_patch_change_the_object()
    {
        await ApplyAsync(Widget(3));
        await RunAsync("label", "wd", "a", "team=x");
        await RunAsync("annotate", "wd", "a", "note=y");
        await RunAsync("patch", "wd", "a", "--type=json", "-p", """[{"op":"replace","path":"/spec/size","value":5}]""");
        var value = JsonNode.Parse(await RunAsync("get", "wd", "-l", "team=x", "-o", "json"))!["items"]![0]!;
        Assert.That(((string?)value["metadata"]!["annotations"]!["note"], (int)value["spec"]!["size"]!), Is.EqualTo(("y", 5)));
    }

    [Test]
    public async Task Get_watch_follows_changes()
    {
        await ApplyAsync(Widget(3));
        using var watch = Start(null, "get", "wd", "a", "-w");
        var lines = new List<string>();
        var reading = Task.Run(async () =>
        {
            while (await watch.StandardOutput.ReadLineAsync() is { } line)
            {
                lock (lines) lines.Add(line);
            }
        });
        try
        {
            await SeesAsync("3");
            await RunAsync("patch", "wd", "a", "--type=merge", "-p", """{"spec":{"size":9}}""");
            await SeesAsync("9");
        }
        finally
        {
            watch.Kill();
            await reading;
        }

        Task SeesAsync(string size) => Eventually.HoldsAsync(() =>
        {
            lock (lines) return Task.FromResult(lines.Any(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["a", var s, ..] && s == size));
        }, $"the watch shows size {size}");
    }

    [Test]
    public async Task Delete_waits_for_the_finalizer()
    {
        await ApplyAsync(Widget(3));
        await RunAsync("patch", "wd", "a", "--type=merge", "-p", """{"metadata":{"finalizers":["x.y/z"]}}""");
        using var delete = Start(null, "delete", "wd", "a");
        await Eventually.HoldsAsync(async () => (await RunAsync("get", "wd", "a", "-o", "jsonpath={.metadata.deletionTimestamp}")).Length > 0, "the object is being deleted");
        Assert.That(delete.HasExited, Is.False);
        await RunAsync("patch", "wd", "a", "--type=merge", "-p", """{"metadata":{"finalizers":null}}""");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await delete.WaitForExitAsync(deadline.Token);
        Assert.That(delete.ExitCode, Is.Zero);
        Assert.That((await TryAsync(null, "get", "wd", "a")).Output, Does.Contain("not found"));
    }

    private static string Widget(int size) => $$"""{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"size":{{size}} } }""";

    private Task<string> ApplyAsync(string manifest) => RunWithAsync(manifest, "apply", "-f", "-");

    private Task<string> RunAsync(params string[] arguments) => RunWithAsync(null, arguments);

    private async Task<string> RunWithAsync(string? input, params string[] arguments)
    {
        var (code, output) = await TryAsync(input, arguments);
        Assert.That(code, Is.Zero, $"kubectl {string.Join(' ', arguments)}: {output}");
        return output;
    }

    private async Task<(int Code, string Output)> TryAsync(string? input, params string[] arguments)
    {
        using var process = Start(input, arguments);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
        var errors = process.StandardError.ReadToEndAsync(deadline.Token);
        await process.WaitForExitAsync(deadline.Token);
        return (process.ExitCode, await output + await errors);
    }

    private Process Start(string? input, params string[] arguments)
    {
        var start = new ProcessStartInfo(Find()!) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["KUBECONFIG"] = config;
        // The discovery cache lies in the home folder: each test has its own.
        start.Environment["HOME"] = folder.Path;
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        if (input is not null) process.StandardInput.Write(input);
        process.StandardInput.Close();
        return process;
    }

    private static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(p => Path.Combine(p, "kubectl")).FirstOrDefault(File.Exists);
}
