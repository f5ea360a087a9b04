using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary><c>validate</c>: what it finds, where, and what it says to do.</summary>
public sealed class ValidateTests
{
    private static IEnumerable<string> Seeds() => SharedFolder.PathOrNull is { } root && Directory.Exists(Path.Combine(root, "seeds/manifests"))
        ? Directory.GetFiles(Path.Combine(root, "seeds/manifests")).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal) : ["absent"];

    [TestCaseSource(nameof(Seeds))]
    public async Task Every_seed_manifest_is_valid_but_the_project_without_an_api_version(string name)
    {
        var run = await CliRun.Async("validate", "-f", SharedFolder.Require("seeds", $"seeds/manifests/{name}"));

        Assert.That(run.Exit, Is.EqualTo(name.StartsWith("06-", StringComparison.Ordinal) ? 1 : 0), run.Out);
        if (run.Exit == 1)
            Assert.That(run.Out, Does.Contain("has no apiVersion").And.Contain("apiVersion: resourcemanager.datumapis.com/v1alpha"));
    }

    [Test]
    public async Task A_finding_names_file_line_object_field_and_what_to_do()
    {
        using var scratch = new ScratchFolder();
        var file = scratch.File("two.yaml", Network("a") + "---\n" + Network("b", "  mtu: 100\n  ipamm: {}\n  ipFamilies: [IPv5]\n"));

        var text = await CliRun.Async("validate", "-f", file);
        var findings = JsonNode.Parse((await CliRun.Async("validate", "-f", file, "-o", "json")).Out)!["findings"]!.AsArray();

        Assert.Multiple(() =>
        {
            Assert.That(text.Exit, Is.EqualTo(1));
            Assert.That(text.Out, Does.Contain($"{file}:17: error (server): Network/b: spec.ipamm: unknown field \"spec.ipamm\". Did you mean ipam?"));
            Assert.That(text.Out, Does.Contain("2 objects in 1 file: 3 errors"));
            Assert.That(findings.Select(f => $"{f!["line"]} {f["document"]} {f["kind"]}/{f["name"]} {f["field"]} {f["severity"]} {f["source"]}"), Is.EqualTo(new[]
            {
                "16 2 Network/b spec.mtu Error Server", "17 2 Network/b spec.ipamm Error Server", "18 2 Network/b spec.ipFamilies[0] Error Server",
            }));
            Assert.That(findings.Select(f => (string?)f!["advice"]), Has.All.Not.Null);
        });
    }

    [Test]
    public async Task Standard_input_is_a_file_named_dash()
    {
        var run = await CliRun.Async(new CliSeat { Input = Network("a", "  mtu: 1\n") }, "validate", "-f", "-");

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(run.Out, Does.StartWith("-:8: error (server): Network/a: spec.mtu: "));
        });
    }

    [TestCase("metadata:\n  name: a\n", "has no kind")]
    [TestCase("kind: Network\nmetadata:\n  name: a\n", "add the line `apiVersion: networking.datumapis.com/v1alpha`")]
    [TestCase("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  name: b\n", "name")]
    [TestCase("apiVersion: [\n", ":")]
    [TestCase("apiVersion: networking.datumapis.com/v1\nkind: Network\nmetadata: {name: a}\n", "Network is served in networking.datumapis.com/v1alpha: correct apiVersion")]
    [TestCase("apiVersion: example.test/v1\nkind: Thing\nmetadata: {name: a}\n", "It is none of our kinds")]
    [TestCase("apiVersion: networking.datumapis.com/v1alpha\nkind: Network\nmetadata: {name: A_b}\nspec: {ipam: {mode: Auto}}\n", "metadata.name")]
    public async Task What_isnt_a_manifest_of_ours_is_refused_with_the_way_out(string text, string says)
    {
        var run = await CliRun.Async(new CliSeat { Input = text }, "validate", "-f", "-");

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(run.Out, Does.Contain(says));
        });
    }

    [Test]
    public async Task A_definition_among_the_files_serves_its_kind_wherever_it_stands()
    {
        const string Thing = "apiVersion: example.test/v1\nkind: Thing\nmetadata: {name: a}\nspec: {size: SIZE}\n---\n";
        const string Definition = """
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: things.example.test}
            spec:
              group: example.test
              scope: Namespaced
              names: {kind: Thing, plural: things}
              versions:
              - name: v1
                served: true
                storage: true
                schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
            """;
        var good = await CliRun.Async(new CliSeat { Input = Thing.Replace("SIZE", "1", StringComparison.Ordinal) + Definition }, "validate", "-f", "-");
        var bad = await CliRun.Async(new CliSeat { Input = Thing.Replace("SIZE", "big", StringComparison.Ordinal) + Definition }, "validate", "-f", "-");

        Assert.Multiple(() =>
        {
            Assert.That(good.Exit, Is.Zero, good.Out);
            Assert.That(bad.Exit, Is.EqualTo(1));
            Assert.That(bad.Out, Does.Contain("spec.size"));
        });
    }

    [Test]
    public async Task Our_own_definitions_are_valid()
    {
        var run = await CliRun.Async(new CliSeat { Input = (await CliRun.Async("crds")).Out }, "validate", "-f", "-");

        Assert.That(run.Exit, Is.Zero, run.Out);
    }

    [Test]
    public async Task A_folder_is_read_by_name_and_its_folders_only_on_demand()
    {
        using var scratch = new ScratchFolder();
        scratch.File("b.yaml", Network("b"));
        scratch.File("a.json", """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"Network","metadata":{"name":"a"},"spec":{"ipam":{"mode":"Auto"}}}""");
        scratch.File("notes.txt", "no manifest");
        scratch.File("inner/c.yml", Network("c", "  mtu: 1\n"));

        var flat = await CliRun.Async("validate", "-f", scratch.Path);
        var deep = await CliRun.Async("validate", "-f", scratch.Path, "-R");

        Assert.Multiple(() =>
        {
            Assert.That(flat.Exit, Is.Zero);
            Assert.That(flat.Out, Is.EqualTo("2 objects in 2 files: valid\n"));
            Assert.That(deep.Exit, Is.EqualTo(1));
            Assert.That(deep.Out, Does.Contain("inner/c.yml:8:"));
        });
    }

    [TestCase("provider: {}")]
    [TestCase("provider: {podman: {}, simulator: {zone: a}}")]
    [TestCase("provider:")]
    public async Task A_location_without_exactly_one_block_is_refused(string provider)
    {
        var run = await CliRun.Async(new CliSeat { Input = Location(provider) }, "validate", "-f", "-");

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(run.Out, Does.StartWith("-:8: error (").And.Contain("exactly one block, whose key is the driver"));
        });
    }

    [TestCase("provider: {podman: {}}", null)]
    [TestCase("provider: {vapor: {}}", "No driver of the volume answers to the key vapor. It has gcp, podman, proxmox, simulator, vsphere.")]
    [TestCase("provider: {simulator: {}}", "spec.provider.simulator.zone is missing.")]
    [TestCase("provider: {simulator: {zone: a, colour: red}}", "spec.provider.simulator.colour isn't known to the driver")]
    public async Task With_drivers_a_block_must_be_what_its_driver_takes(string provider, string? says)
    {
        var run = await CliRun.Async(new CliSeat { Input = Location(provider) }, "validate", "-f", "-", "--drivers", CliRun.DriverVolume);

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(says is null ? 0 : 1), run.Out);
            if (says is not null)
                Assert.That(run.Out, Does.Contain("error (host): Location/here: ").And.Contain(says));
        });
    }

    [TestCase("driver: podman", null)]
    [TestCase("driver: pdoman", "The volume has no driver with id 'pdoman'. It has gcp, podman, proxmox, simulator, vsphere.")]
    [TestCase("driver: podman\n  settings: {resourceLimits: Maybe}", "spec.settings.resourceLimits must be one of")]
    public async Task With_drivers_a_config_must_be_what_its_driver_takes(string spec, string? says)
    {
        var input = $"apiVersion: providers.datumapis.com/v1alpha1\nkind: ProviderConfig\nmetadata:\n  name: here\nspec:\n  {spec}\n";

        var run = await CliRun.Async(new CliSeat { Input = input }, "validate", "-f", "-", "--drivers", CliRun.DriverVolume);

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(says is null ? 0 : 1), run.Out);
            if (says is not null)
                Assert.That(run.Out, Does.Contain("error (host): ProviderConfig/here: ").And.Contain(says));
        });
    }

    [Test]
    public async Task With_drivers_a_wish_that_none_can_fulfil_is_an_error_and_one_that_some_cant_a_warning()
    {
        var huge = await CliRun.Async(new CliSeat { Input = Workload("datumcloud/unheard-of") }, "validate", "-f", "-", "--drivers", CliRun.DriverVolume, "-o", "json");
        var mapped = await CliRun.Async(new CliSeat
        {
            Input = Workload("datumcloud/unheard-of") + "---\napiVersion: providers.datumapis.com/v1alpha1\nkind: ProviderConfig\nmetadata: {name: p}\nspec: {driver: podman, instanceTypes: {datumcloud/unheard-of: {cpu: 2, memoryMiB: 512}}}\n",
        }, "validate", "-f", "-", "--drivers", CliRun.DriverVolume, "-o", "json");

        static string Shown(CliRun run) => string.Join(';', JsonNode.Parse(run.Out)!["findings"]!.AsArray().Select(f => $"{f!["source"]} {f["severity"]} {f["field"]} {((string)f["message"]!).Contains("driver gcp, proxmox, simulator", StringComparison.Ordinal)}"));
        Assert.Multiple(() =>
        {
            Assert.That((huge.Exit, Shown(huge)), Is.EqualTo((1, "Host Error spec.template.spec.runtime.resources.instanceType False")));
            Assert.That((mapped.Exit, Shown(mapped)), Is.EqualTo((0, "Host Warning spec.template.spec.runtime.resources.instanceType True")));
        });
    }

    [Test]
    public async Task A_secret_value_never_stands_in_a_finding()
    {
        const string Canary = "c4nary-8f21";
        var input = $"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata: {{key: '{Canary}'}}\nstringData: {{other: [{Canary}]}}\n";

        var run = await CliRun.Async(new CliSeat { Input = input }, "validate", "-f", "-", "-o", "json");

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(run.Out + run.Error, Does.Not.Contain(Canary));
        });
    }

    private static string Network(string name, string more = "") => $"apiVersion: networking.datumapis.com/v1alpha\nkind: Network\nmetadata:\n  name: {name}\nspec:\n  ipam:\n    mode: Auto\n{more}";

    private static string Location(string provider) =>
        $"apiVersion: networking.datumapis.com/v1alpha\nkind: Location\nmetadata:\n  name: here\nspec:\n  locationClassName: datum-managed\n  topology: {{}}\n  {provider}\n";

    private static string Workload(string type) => """
        apiVersion: compute.datumapis.com/v1alpha
        kind: Workload
        metadata: {name: w}
        spec:
          template:
            spec:
              runtime:
                resources: {instanceType: TYPE}
                sandbox: {containers: [{name: a, image: nginx}]}
              networkInterfaces: [{network: {name: default}}]
          placements: [{name: a, cityCodes: [DFW], scaleSettings: {minReplicas: 1}}]

        """.Replace("TYPE", type, StringComparison.Ordinal);
}
