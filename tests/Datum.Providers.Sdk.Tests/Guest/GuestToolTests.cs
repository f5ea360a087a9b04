using System.Text;
using System.Text.Json;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>What others' programs say of what was rendered: cloud-init's schema, Ignition's validator, nft, sh.</summary>
internal sealed class GuestToolTests
{
    private static IEnumerable<TestCaseData> Renderings()
    {
        var allowed = Guests.Options with { Secrets = SecretRoute.UserData, AllowSecretsInUserData = true, Packages = ["podman", "nftables"] };
        foreach (var (name, spec) in new[] { ("sandbox", Guests.Sandbox), ("machine", Guests.Machine) })
        {
            yield return new TestCaseData(spec, Guests.Options).SetArgDisplayNames(name, "seed");
            yield return new TestCaseData(spec, allowed).SetArgDisplayNames(name, "user data");
            yield return new TestCaseData(spec, Guests.Options with { Beacon = new GuestBeacon { Route = BeaconRoute.Line, Target = "/dev/ttyS1" }, Firewall = FirewallScope.Separate }).SetArgDisplayNames(name, "serial");
            yield return new TestCaseData(spec, Guests.Options with { Beacon = new GuestBeacon { Route = BeaconRoute.GuestInfo, Target = "guestinfo.datum.beacon" } }).SetArgDisplayNames(name, "guestinfo");
        }
    }

    [TestCaseSource(nameof(Renderings)), Category("Slow")]
    public async Task Cloud_init_takes_it(InstanceSpec spec, GuestOptions options)
    {
        var program = GuestTools.Require("cloudinit", "DATUM_CLOUD_INIT");
        var (code, output) = await GuestTools.RunOnFileAsync(program, ["schema", "--config-file"], Guests.Render(spec, options).UserData);
        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Contain("Valid cloud-config").And.Not.Contain("eprecated"));
    }

    [Test, Category("Slow")]
    public async Task Cloud_init_refuses_what_is_none()
    {
        var program = GuestTools.Require("cloudinit", "DATUM_CLOUD_INIT");
        var (code, _) = await GuestTools.RunOnFileAsync(program, ["schema", "--config-file"], "#cloud-config\n{\"write_files\":[{\"content\":\"no path\"}]}\n");
        Assert.That(code, Is.Not.Zero);
    }

    [TestCaseSource(nameof(Renderings))]
    public async Task Ignition_takes_it(InstanceSpec spec, GuestOptions options)
    {
        var program = GuestTools.Require("cloudinit", "DATUM_IGNITION_VALIDATE");
        var (code, output) = await GuestTools.RunOnFileAsync(program, [], ForValidator(Guests.Render(spec, options with { Form = UserDataForm.Ignition, Packages = [] })));
        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Not.Contain("warning").And.Not.Contain("unused"));
    }

    [Test]
    public async Task Ignition_refuses_what_is_none()
    {
        var program = GuestTools.Require("cloudinit", "DATUM_IGNITION_VALIDATE");
        var text = ForValidator(Guests.Render(Guests.Machine, Guests.Options with { Form = UserDataForm.Ignition }));
        Assert.That((await GuestTools.RunOnFileAsync(program, [], text.Replace("\"path\":\"/etc/hostname\"", "\"path\":\"etc/hostname\"", StringComparison.Ordinal))).Code, Is.Not.Zero);
    }

    /// <summary>Debian's validator is older than spec 3.4, which added nothing that is used here and took nothing away.</summary>
    private static string ForValidator(GuestBootstrap rendered)
    {
        using var json = JsonDocument.Parse(rendered.UserData);
        Assert.That(json.RootElement.GetProperty("ignition").GetProperty("version").GetString(), Is.EqualTo("3.4.0"));
        return Encoding.UTF8.GetString(rendered.UserData.Span).Replace("{\"version\":\"3.4.0\"}", "{\"version\":\"3.3.0\"}", StringComparison.Ordinal);
    }

    [TestCaseSource(nameof(Renderings))]
    public async Task A_shell_takes_every_script(InstanceSpec spec, GuestOptions options)
    {
        foreach (var (path, file) in Rendered.CloudFiles(Guests.Render(spec, options)).Where(f => f.Key.EndsWith(".sh", StringComparison.Ordinal)))
        {
            var (code, output) = await GuestTools.RunAsync("/bin/sh", ["-n"], file.Content);
            Assert.That(code, Is.Zero, $"{path}: {output}");
        }
    }

    private static IEnumerable<ImmutableArray<IngressRule>?[]> Rules()
    {
        var v4 = new IngressRule { Source = "0.0.0.0/0" };
        yield return [[]];
        yield return [[v4, new IngressRule { Source = "::/0" }]];
        yield return [[v4 with { Protocol = "TCP", Port = 80 }, v4 with { Protocol = "UDP", Port = 1000, EndPort = 2000, Source = "10.1.0.0/16" }, new IngressRule { Source = "fd20::/48", Protocol = "SCTP", Port = 1, EndPort = 65535 }]];
        yield return [[v4 with { Protocol = "TCP" }], [], null];
        yield return [[v4 with { Protocol = "TCP", Port = 22 }], [v4 with { Protocol = "UDP", Port = 53 }]];
    }

    [TestCaseSource(nameof(Rules))]
    public async Task Nft_takes_the_rules(ImmutableArray<IngressRule>?[] interfaces)
    {
        var nft = GuestTools.RequireNft();
        var spec = Guests.Sandbox with { Interfaces = [.. interfaces.Select((rules, i) => new InterfaceSpec { Name = $"eth{i}", Ingress = rules })] };
        var ruleset = Rendered.CloudFiles(Guests.Render(spec))["/var/lib/datum/firewall.nft"].Text;
        var (code, output) = await GuestTools.RunOnFileAsync(nft, ["-c", "-f"], ruleset);
        Assert.That(code, Is.Zero, $"{output}\n{ruleset}");
        Assert.That(ruleset, Does.Contain(interfaces.Length > 1 ? "iifname \"ens3\" jump" : "drop"));
    }

    [Test]
    public void No_policy_means_no_rules()
    {
        var spec = Guests.Sandbox with { Interfaces = [new InterfaceSpec { Name = "eth0" }] };
        Assert.That(Rendered.CloudFiles(Guests.Render(spec)).Keys, Has.None.Contains("firewall"));
    }
}
