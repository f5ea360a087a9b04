using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Cli;
using Datum.Providers.Host.Tests.BadInput;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary><c>plan</c> against the embedded plane and the simulator: it says what the host then does, and writes nothing anywhere.</summary>
[NonParallelizable]
public sealed class PlanTests
{
    private static string Workload(string ns, string image = "web:1", int replicas = 1, string annotations = "{}") => $$"""
        apiVersion: compute.datumapis.com/v1alpha
        kind: Workload
        metadata: { name: web, namespace: {{ns}} }
        spec:
          template:
            metadata: { annotations: {{annotations}} }
            spec:
              runtime:
                resources: { instanceType: datumcloud/d1-standard-2 }
                sandbox:
                  containers: [{name: web, image: "{{image}}", ports: [{name: http, port: 80}]}]
              networkInterfaces:
              - network: {name: default}
                networkPolicy: { ingress: [{ ports: [{ port: 80 }], from: [{ ipBlock: { cidr: 0.0.0.0/0 } }] }] }
          placements:
          - name: p
            cityCodes: [PLN]
            scaleSettings: {minReplicas: {{replicas}}}
        """;

    private static Task<CliRun> PlanAsync(Stage stage, string manifest, params string[] more)
    {
        var file = Path.Combine(stage.Folder, "manifest.yaml");
        File.WriteAllText(file, manifest);
        return CliRun.Async(["plan", "-f", file, "--drivers", stage.Volume.Path, "--kubeconfig", stage.Kubeconfig, "--namespace", "default", "--development", .. more]);
    }

    private static async Task<(int Exit, JsonArray Entries, JsonNode Result)> JsonAsync(Stage stage, string manifest)
    {
        var run = await PlanAsync(stage, manifest, "-o", "json");
        Assert.That(run.Out, Is.Not.Empty, run.Error);
        var result = JsonNode.Parse(run.Out)!;
        return (run.Exit, result["entries"]!.AsArray(), result);
    }

    /// <summary>Everything that could have been written, from outside: requests that write, and the platform's own state.</summary>
    private static async Task<string> OutsideAsync(Stage stage)
    {
        var counters = JsonNode.Parse(await stage.Client.RawAsync(HttpMethod.Get, "/datum/counters", null, null, CancellationToken.None))!.ToJsonString();
        var writes = string.Join('\n', System.Text.RegularExpressions.Regex.Matches(counters, "\"(create|update|patch|delete)[^\"]*\":(\\{[^}]*\\}|[0-9]+)").Select(m => m.Value));
        Assert.That(writes, Is.Not.Empty, counters);
        var platform = string.Join('\n', Directory.EnumerateFiles(Path.Combine(stage.Folder, "platform"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(f => $"{f} {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(f)))}"));
        Assert.That(platform, Is.Not.Empty);
        return $"{writes}\n{platform}";
    }

    private static async Task<(Stage Stage, Space Space)> RunningAsync()
    {
        var stage = await Stage.StartAsync();
        var space = await stage.SpaceAsync();
        await space.LocationAsync("here", "{simulator: {zone: z1}}", city: "PLN");
        await space.NetworkAsync();
        await stage.ApplyAsync(Workload(space.Name));
        await space.AvailableAsync("web");
        await stage.StopHostAsync();
        return (stage, space);
    }

    [Test]
    public async Task It_tells_field_by_field_what_would_be_done_and_writes_nothing()
    {
        var (stage, space) = await RunningAsync();
        await using var owned = stage;
        var outside = await OutsideAsync(stage);

        var same = await JsonAsync(stage, Workload(space.Name));
        var image = await JsonAsync(stage, Workload(space.Name, image: "web:2"));
        var more = await JsonAsync(stage, Workload(space.Name, replicas: 2));
        var none = await JsonAsync(stage, Workload(space.Name, replicas: 0));
        var kept = await JsonAsync(stage, Workload(space.Name, image: "web:2", annotations: "{providers.datumapis.com/deletion-protection: \"true\"}"));
        var wrong = await JsonAsync(stage, Workload(space.Name, annotations: "{providers.datumapis.com/drift: report}"));
        var network = await JsonAsync(stage, $"apiVersion: {Space.Networking}\nkind: Network\nmetadata: {{name: default, namespace: {space.Name}}}\nspec: {{ipam: {{mode: Auto}}, mtu: 1400}}");
        var paused = await JsonAsync(stage, Stage.GoodConfig(stage.Folder) + "\n  management: {paused: true}");
        var text = await PlanAsync(stage, Workload(space.Name, image: "web:2"));

        Assert.Multiple(() =>
        {
            Assert.That((same.Exit, (int)same.Result["changes"]!), Is.EqualTo((ExitCodes.Done, 0)), same.Result.ToJsonString());
            Assert.That(same.Entries, Is.Not.Empty);

            Assert.That(image.Exit, Is.EqualTo(3), image.Result.ToJsonString());
            var replaced = image.Entries.Single(e => (string)e!["kind"]! == "Instance")!;
            Assert.That((string)replaced["action"]!, Is.EqualTo("Replace"));
            var change = replaced["changes"]!.AsArray().Single(c => ((string)c!["path"]!).Contains("image", StringComparison.Ordinal))!;
            Assert.That(((string?)change["before"], (string?)change["after"], (string)change["way"]!), Is.EqualTo(("web:1", "web:2", "Replace")));

            Assert.That(more.Exit, Is.EqualTo(3), more.Result.ToJsonString());
            var created = more.Entries.Where(e => (string)e!["action"]! == "Create").ToList();
            Assert.That(created.Select(e => (string)e!["kind"]!), Does.Contain("Instance"));
            Assert.That(created.SelectMany(e => e!["changes"]!.AsArray()).Select(c => (string)c!["path"]!), Does.Contain("sandbox.containers[web].image"));

            Assert.That(none.Exit, Is.EqualTo(3));
            Assert.That(none.Entries.Where(e => (string)e!["kind"]! == "Instance").Select(e => (string)e!["action"]!), Is.EqualTo(new[] { "Delete" }));

            Assert.That(kept.Exit, Is.EqualTo(ExitCodes.Failed));
            Assert.That(kept.Result.ToJsonString(), Does.Contain("DeletionProtected"));
            Assert.That(wrong.Exit, Is.EqualTo(ExitCodes.Failed));
            Assert.That(wrong.Result.ToJsonString(), Does.Contain("metadata.annotations[providers.datumapis.com/drift]"));

            Assert.That(network.Entries.Where(e => (string)e!["kind"]! == "Network").SelectMany(e => e!["changes"]!.AsArray()).Select(c => (string)c!["path"]!), Does.Contain("mtu"), network.Result.ToJsonString());
            Assert.That(paused.Entries.Select(e => (string?)e!["held"]), Has.All.Contains("spec.management.paused"));

            Assert.That(text.Out, Does.Contain("± Instance").And.Contain("web:1 -> web:2 (replace)").And.Contain("1 would change at the platform: 1 replaced"));
        });
        Assert.That(await OutsideAsync(stage), Is.EqualTo(outside), "nothing was written, at the plane or at the platform");
    }

    [Test]
    public async Task A_plane_with_nothing_on_it_tells_what_would_be_made_and_examples_work_as_they_stand()
    {
        var (stage, space) = await RunningAsync();
        await using var owned = stage;
        var desk = Directory.CreateDirectory(Path.Combine(stage.Folder, "desk")).FullName;
        File.WriteAllText(Path.Combine(desk, "workload.yaml"), Workload(space.Name, image: "web:2"));
        File.Copy(stage.Kubeconfig, Path.Combine(desk, "kc"));
        Directory.CreateSymbolicLink(Path.Combine(desk, "drivers"), stage.Volume.Path);
        var program = Path.Combine(desk, "datum-providers");
        File.WriteAllText(program, $"#!/bin/sh\nexec dotnet '{CliRun.Program}' \"$@\"\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var example in ((CliCommand)Host.Cli.Commands.Create().Subcommands.Single(c => c.Name == "plan")).Examples)
        {
            var run = await CliProcess.RunAsync(example.CommandLine, desk, desk);
            Assert.That(run.Exit, Is.EqualTo(3), $"{example.CommandLine}\n{run.Out}\n{run.Error}");
            Assert.That(run.Out, Does.Contain("web:2"));
        }
        var refused = await PlanAsync(stage, "apiVersion: compute.datumapis.com/v1alpha\nkind: Workload\nmetadata: {name: x}\nspec: {nonsense: 1}");
        Assert.That((refused.Exit, refused.Out), Is.EqualTo((ExitCodes.Failed, "")));
        Assert.That(refused.Error, Does.Contain("manifest.yaml:").And.Contain("Workload/x"));
    }
}
