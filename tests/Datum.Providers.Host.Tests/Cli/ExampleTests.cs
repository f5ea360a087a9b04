using System.CommandLine;
using System.Text.Json.Nodes;
using Datum.Providers.DevPlane;
using Datum.Providers.Host.Cli;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Tests.Documentation;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Testing;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary>Every example of help works as it stands, and the page of the command line shows the same ones.</summary>
public sealed class ExampleTests
{
    // They need objects on a plane; their own tests run their examples.
    private static readonly string[] s_elsewhere = ["datum-providers trace", "datum-providers plan", "datum-providers abandon", "datum-providers release", "datum-providers settle"];

    private static IEnumerable<(string Path, CliCommand Command)> Leaves() => Leaves(Host.Cli.Commands.Create(), "datum-providers");

    private static IEnumerable<string> Commands() => Leaves().Select(c => c.Path);

    private static IEnumerable<TestCaseData> Ending() => Examples(long_: false);

    private static IEnumerable<TestCaseData> LongRunning() => Examples(long_: true);

    [TestCaseSource(nameof(Commands))]
    public async Task Help_ends_with_the_examples_and_the_page_shows_them(string path)
    {
        var examples = Leaves().Single(c => c.Path == path).Command.Examples;
        var help = await CliRun.Async([.. path.Split(' ')[1..], "--help"]);
        var page = Repository.Read("docs/reference/cli.md");

        Assert.Multiple(() =>
        {
            Assert.That(examples, Is.Not.Empty);
            Assert.That(help.Exit, Is.Zero);
            foreach (var example in examples)
            {
                Assert.That(help.Out, Does.Contain($"  # {example.Purpose}\n  {example.CommandLine}\n"));
                Assert.That(page, Does.Contain($"\n# {example.Purpose}\n{example.CommandLine}\n"));
                Assert.That(example.CommandLine, Does.Contain(path));
            }
        });
    }

    [Test]
    public void The_page_shows_no_example_that_help_doesnt()
    {
        var known = Leaves().SelectMany(c => c.Command.Examples).Select(e => e.CommandLine).ToHashSet(StringComparer.Ordinal);
        var shown = Repository.Read("docs/reference/cli.md").Split("```sh\n")[1..].SelectMany(b => b.Split("```")[0].Split('\n', StringSplitOptions.RemoveEmptyEntries)).Where(l => l[0] != '#').ToList();

        Assert.That(shown, Is.Not.Empty);
        Assert.That(shown.Except(known), Is.Empty);
    }

    [TestCaseSource(nameof(Ending))]
    public async Task An_example_works_as_it_stands(string line)
    {
        using var desk = new Desk();
        await using var plane = line.Contains("kc", StringComparison.Ordinal) ? await desk.PlaneAsync() : null;
        if (line.Contains(" orphans", StringComparison.Ordinal) || line.Contains(" confirm", StringComparison.Ordinal) || line.Contains("--against", StringComparison.Ordinal))
            await desk.ConfigAsync(held: line.Contains(" confirm", StringComparison.Ordinal));

        var run = await desk.RunAsync(line);

        Assert.That(run.Exit, Is.Zero, $"{run.Out}\n{run.Error}");
        Assert.That(run.Out, Is.Not.Empty);
        if (line.Contains("-o json", StringComparison.Ordinal))
            Assert.That(() => JsonNode.Parse(run.Out), Throws.Nothing);
    }

    [TestCaseSource(nameof(LongRunning))]
    public async Task An_example_of_a_host_runs_until_it_is_told_to_stop(string line)
    {
        using var desk = new Desk();
        await using var plane = line.Contains(" run ", StringComparison.Ordinal) ? await desk.PlaneAsync() : null;
        if (plane is not null && !line.Contains("--install-crds", StringComparison.Ordinal))
        {
            await using var client = new KubernetesClient(KubeConfig.Load(desk.At("kc")));
            await PlaneInstaller.ApplyCrdsAsync(client, Crds.All().Select(c => c.Yaml), CancellationToken.None);
        }

        await using var host = desk.Start($"{line} -o json");
        await Eventually.TrueAsync(() => Task.FromResult(host.Ended || host.Out.Contains('}', StringComparison.Ordinal)), TimeSpan.FromSeconds(60), "the host says that it is ready", () => host.Error);
        var ready = JsonNode.Parse(host.Out)!;
        var exit = await host.StopAsync();

        Assert.Multiple(() =>
        {
            Assert.That((int?)ready["process"], Is.EqualTo(host.Pid));
            Assert.That((string?)ready["plane"], Does.StartWith("https://127.0.0.1:"));
            Assert.That(File.Exists((string?)ready["kubeconfig"]), Is.True);
            Assert.That(() => JsonNode.Parse(host.Out), Throws.Nothing, "nothing follows the result on standard output");
            Assert.That(host.Error, Does.Contain("Ready, process").And.Not.Contain(CliRun.Escape));
            Assert.That(exit, Is.Zero, host.Error);
        });
    }

    private static IEnumerable<TestCaseData> Examples(bool long_) =>
        Leaves().Where(c => !s_elsewhere.Contains(c.Path) && c.Command.Name is "run" or "dev" == long_)
            .SelectMany(c => c.Command.Examples).Select(e => new TestCaseData(e.CommandLine).SetArgDisplayNames(e.CommandLine));

    private static IEnumerable<(string, CliCommand)> Leaves(Command command, string path) => command.Subcommands.Count == 0
        ? [(path, (CliCommand)command)]
        : command.Subcommands.SelectMany(c => Leaves(c, $"{path} {c.Name}"));

    /// <summary>The folder that the examples speak of: drivers, a project's output, manifests, and the program on the path.</summary>
    private sealed class Desk : IDisposable
    {
        private readonly ScratchFolder _folder = new();

        public Desk()
        {
            foreach (var driver in Directory.GetDirectories(CliRun.DriverVolume))
                Copy(driver, At($"drivers/{Path.GetFileName(driver)}"));
            Copy(CliRun.ProjectOutput("Datum.Providers.Drivers.Simulator"), At("bin/Release/net10.0"));
            _folder.File("manifests/location.yaml", """
                apiVersion: networking.datumapis.com/v1alpha
                kind: Location
                metadata:
                  name: here
                spec:
                  locationClassName: datum-managed
                  topology:
                    topology.datum.net/city-code: DFW
                  provider:
                    podman: {}
                """);
            using (var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256))
                _folder.File("key.pem", key.ExportECPrivateKeyPem());
            new Datum.Providers.Host.Loader.CrashFiles(At("state")).Write([]);
            var program = _folder.File("path/datum-providers", $"#!/bin/sh\nexec dotnet '{CliRun.Program}' \"$@\"\n");
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            if (Environment.GetEnvironmentVariable("DATUM_KUBECTL") is { Length: > 0 } kubectl)
                File.CreateSymbolicLink(At("path/kubectl"), kubectl);
        }

        public string At(string name) => _folder.At(name);

        public async Task<DevPlaneServer> PlaneAsync()
        {
            var plane = await DevPlaneServer.StartAsync(new DevPlaneOptions { CelRules = RuleRegistration.Create() });
            plane.WriteKubeconfig(At("kc"));
            return plane;
        }

        /// <summary>A plane with our kinds and a ProviderConfig, as the examples of accounts have it: with nothing found, or with the hold that they name.</summary>
        public async Task ConfigAsync(bool held)
        {
            await using var client = new KubernetesClient(KubeConfig.Load(At("kc")));
            await PlaneInstaller.ApplyCrdsAsync(client, Crds.All().Select(c => c.Yaml), CancellationToken.None);
            var config = new ProviderConfig { Spec = { Driver = "simulator" } };
            config.Metadata.Name = "sim";
            var stored = await client.CreateAsync(ResourceTypes.ProviderConfigs, ResourceTypes.ProviderConfigs.Stamp(config), CancellationToken.None);
            if (!held)
                return;
            var after = ResourceTypes.ProviderConfigs.Clone(stored);
            after.Status = new ProviderConfigStatus { Holds = [new HoldStatus { Reason = Reasons.MassAbsence, AccountId = "a", Token = "17ab527c1e72", Since = DateTimeOffset.UnixEpoch, Message = "4 of 6 vanished." }] };
            await client.PatchAsync(ResourceTypes.ProviderConfigs, stored.Key, Patches.Status(ResourceTypes.ProviderConfigs, stored, after)!, "status", CancellationToken.None);
        }

        public Task<CliRun> RunAsync(string line)
        {
            if (line.Contains("kubectl", StringComparison.Ordinal))
                _ = new Kubectl(At("kc"), At("home")); // ends the test where there is none
            return CliProcess.RunAsync(line, _folder.Path, At("path"));
        }

        public CliProcess Start(string line) => CliProcess.Start($"exec {line}", _folder.Path, At("path"));

        public void Dispose() => _folder.Dispose();

        private static void Copy(string from, string to)
        {
            Directory.CreateDirectory(to);
            foreach (var file in Directory.GetFiles(from))
                File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }
}
