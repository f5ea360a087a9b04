using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary>Results on standard output and nothing else there; JSON that parses; colour only where a person looks.</summary>
public sealed class OutputTests
{
    // Every command that ends by itself; run and dev are tested with a plane.
    private static IEnumerable<TestCaseData> Commands() => new (string Name, string[] Args)[]
    {
        ("drivers list", ["drivers", "list", "--drivers", CliRun.DriverVolume]),
        ("drivers verify", ["drivers", "verify", CliRun.DriverVolume]),
        ("drivers describe", ["drivers", "describe", "simulator", "--drivers", CliRun.DriverVolume]),
        ("drivers pack", ["drivers", "pack", Path.Combine(CliRun.DriverVolume, "simulator"), "--to", "SCRATCH", "--archive"]),
        ("drivers forgive", ["drivers", "forgive", "simulator", "--state", "SCRATCH/state"]),
        ("validate", ["validate", "-f", "SCRATCH/network.yaml"]),
        ("validate refusing", ["validate", "-f", "SCRATCH/broken.yaml"]),
        ("crds", ["crds"]),
        ("version", ["version"]),
    }.Select(c => new TestCaseData((object)c.Args).SetArgDisplayNames(c.Name));

    [TestCaseSource(nameof(Commands))]
    public async Task Json_parses_and_stands_alone_on_standard_output(string[] args)
    {
        var run = await RunAsync(new CliSeat(), [.. args, "-o", "json"]);

        Assert.Multiple(() =>
        {
            Assert.That(() => JsonNode.Parse(run.Out), Throws.Nothing);
            Assert.That(JsonNode.Parse(run.Out), Is.InstanceOf<JsonObject>());
            Assert.That(run.Error, Is.Empty);
            Assert.That(run.Out, Does.Not.Contain(CliRun.Escape));
        });
    }

    [TestCaseSource(nameof(Commands))]
    public async Task Field_names_are_camel_case(string[] args)
    {
        var run = await RunAsync(new CliSeat(), [.. args, "-o", "json"]);

        using var document = JsonDocument.Parse(run.Out);
        Assert.That(document.RootElement.EnumerateObject().Select(p => p.Name), Has.All.Match("^[a-z][A-Za-z0-9]*$"));
    }

    [TestCaseSource(nameof(Commands))]
    public async Task Without_a_terminal_there_is_neither_colour_nor_progress(string[] args)
    {
        var run = await RunAsync(new CliSeat(), args);

        Assert.Multiple(() =>
        {
            Assert.That(run.Out, Is.Not.Empty);
            Assert.That(run.Out, Does.Not.Contain(CliRun.Escape));
            Assert.That(run.Error, Is.Empty);
        });
    }

    [Test]
    public async Task A_terminal_gets_colour_and_progress_and_the_progress_goes_away_again()
    {
        var run = await RunAsync(new CliSeat { IsTerminal = true }, "drivers", "list", "--drivers", CliRun.DriverVolume);

        Assert.Multiple(() =>
        {
            Assert.That(run.Out, Does.Contain($"{CliRun.Escape}[32mReady{CliRun.Escape}[0m"));
            Assert.That(run.Error, Does.Contain("Loading the drivers"));
            Assert.That(run.Error, Does.EndWith($"\r{CliRun.Escape}[K"));
        });
    }

    [TestCase("NO_COLOR", "1")]
    [TestCase("TERM", "dumb")]
    public async Task A_terminal_that_wants_no_colour_gets_none(string variable, string value)
    {
        var run = await RunAsync(new CliSeat { IsTerminal = true, Variables = { [variable] = value } }, "drivers", "list", "--drivers", CliRun.DriverVolume);

        Assert.That(run.Out, Does.Contain("Ready").And.Not.Contain(CliRun.Escape));
    }

    [Test]
    public async Task Colour_by_order_goes_into_a_pipe_too_and_never_into_json()
    {
        var text = await RunAsync(new CliSeat(), "drivers", "list", "--drivers", CliRun.DriverVolume, "--color", "always");
        var json = await RunAsync(new CliSeat(), "drivers", "list", "--drivers", CliRun.DriverVolume, "--color", "always", "-o", "json");
        var never = await RunAsync(new CliSeat { IsTerminal = true }, "drivers", "list", "--drivers", CliRun.DriverVolume, "--color", "never");

        Assert.Multiple(() =>
        {
            Assert.That(text.Out, Does.Contain(CliRun.Escape));
            Assert.That(json.Out, Does.Not.Contain(CliRun.Escape));
            Assert.That(never.Out, Does.Not.Contain(CliRun.Escape));
        });
    }

    [TestCase("driver", "Did you mean drivers?")]
    [TestCase("drivers lst", "'lst' is neither a command nor an option of 'datum-providers drivers'. Did you mean list?")]
    [TestCase("drivers list --drivrs x", "Did you mean --drivers?")]
    [TestCase("drivers list", "Option '--drivers' is required.")]
    [TestCase("version -o xml", "--output 'xml': must be text or json.")]
    [TestCase("version --color sometimes", "--color 'sometimes': must be auto or always or never.")]
    [TestCase("crds --kind Wrkload", "Our kinds: ")]
    [TestCase("crds --group example.test", "Our groups: ")]
    [TestCase("drivers verify x --trusted-digest abc", "--trusted-digest 'abc': must be a SHA-256 in 64 hex digits")]
    [TestCase("run --kubeconfig a --drivers b --installation NO!", "--installation 'NO!': must be 1 to 16 of [a-z0-9].")]
    [TestCase("dev --drivers b --port 70000", "--port '70000': must be 0 to 65535.")]
    public async Task Wrong_usage_ends_with_2_names_what_was_found_and_leaves_standard_output_empty(string line, string says)
    {
        var run = await CliRun.Async(line.Split(' '));

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(2));
            Assert.That(run.Out, Is.Empty);
            Assert.That(run.Error, Does.Contain(says));
        });
    }

    [TestCase("drivers verify SCRATCH/none", "is no folder")]
    [TestCase("drivers verify SCRATCH", "holds neither driver.json nor a driver's folder")]
    [TestCase("drivers describe ghost --drivers VOLUME", "no driver with id 'ghost'; it has gcp, podman, proxmox, simulator, vsphere.")]
    [TestCase("drivers describe ghost", "add --drivers VOLUME")]
    [TestCase("drivers pack SCRATCH/none --to SCRATCH/out", "is no folder")]
    [TestCase("validate -f SCRATCH/none.yaml", "there is no such file or folder")]
    public async Task What_fails_ends_with_1_and_a_sentence_that_says_what_to_do(string line, string says)
    {
        var run = await RunAsync(new CliSeat(), line.Replace("VOLUME", CliRun.DriverVolume, StringComparison.Ordinal).Split(' '));

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(run.Out, Is.Empty);
            Assert.That(run.Error, Does.StartWith("error: ").And.Contain(says));
        });
    }

    [Test]
    public async Task The_version_is_for_programs_too()
    {
        var version = JsonNode.Parse((await CliRun.Async("version", "-o", "json")).Out)!;

        Assert.Multiple(() =>
        {
            Assert.That((string?)version["contract"], Is.EqualTo(Contract.Version.ToString()));
            Assert.That((string?)version["runtime"], Does.StartWith(".NET 10"));
            Assert.That((string?)version["version"], Does.Match(@"^\d+\.\d+\.\d+"));
            Assert.That((string?)version["commit"], Is.Null.Or.Match("^[0-9a-f]{40}$"));
        });
    }

    [Test]
    public async Task Definitions_are_picked_by_group_and_by_any_name_of_a_kind()
    {
        var group = JsonNode.Parse((await CliRun.Async("crds", "--group", "providers.datumapis.com", "-o", "json")).Out)!["items"]!.AsArray();
        var shortName = await CliRun.Async("crds", "--kind", "dmr");
        var all = JsonNode.Parse((await CliRun.Async("crds", "-o", "json")).Out)!["items"]!.AsArray();

        Assert.Multiple(() =>
        {
            Assert.That(group.Select(c => (string?)c!["spec"]!["names"]!["kind"]), Is.EquivalentTo(new[] { "ProviderConfig", "ProviderDriver", "ManagedResource" }));
            Assert.That(shortName.Out, Does.Contain("name: managedresources.providers.datumapis.com").And.Not.Contain("name: workloads."));
            Assert.That(all, Has.Count.EqualTo(Resources.Crds.All().Count));
        });
    }

    [Test]
    public void Every_command_of_the_program_stands_in_these_tests()
    {
        static IEnumerable<string> Leaves(Command command, string path) =>
            command.Subcommands.Count == 0 ? [path] : command.Subcommands.SelectMany(c => Leaves(c, $"{path} {c.Name}".Trim()));
        var tested = Commands().Select(c => c.TestName ?? string.Join(' ', ((string[])c.Arguments[0]!).TakeWhile(a => !a.StartsWith('-') && !a.Contains('/')))).ToList();

        // Those that need a plane are held to the same in ExampleTests, EntryCommandTests and their own.
        Assert.That(Leaves(Host.Cli.Commands.Create(), "").Where(l => l is not ("run" or "dev" or "trace" or "plan" or "abandon" or "release" or "settle" or "orphans" or "confirm") && !l.StartsWith("installation ", StringComparison.Ordinal) && !tested.Exists(t => t.StartsWith(l, StringComparison.Ordinal))), Is.Empty);
    }

    private static async Task<CliRun> RunAsync(CliSeat seat, params string[] args)
    {
        using var scratch = new ScratchFolder();
        if (args.Contains("SCRATCH/state"))
            Directory.CreateDirectory(Path.Combine(scratch.Path, "state", "host"));
        scratch.File("network.yaml", "apiVersion: networking.datumapis.com/v1alpha\nkind: Network\nmetadata:\n  name: a\nspec:\n  ipam:\n    mode: Auto\n");
        scratch.File("broken.yaml", "apiVersion: networking.datumapis.com/v1alpha\nkind: Network\nmetadata:\n  name: a\nspec:\n  ipam:\n    mode: Never\n");
        return await CliRun.Async(seat, [.. args.Select(a => a.Replace("SCRATCH", scratch.Path, StringComparison.Ordinal))]);
    }
}
