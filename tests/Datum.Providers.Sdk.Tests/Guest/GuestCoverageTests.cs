using System.Collections;
using System.Reflection;
using System.Text;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>Law L11: every field of the specification is rendered, refused, or named as the platform's. A new field fails here until it is one of them.</summary>
internal sealed class GuestCoverageTests
{
    private sealed record Change(Func<InstanceSpec, InstanceSpec> Apply, InstanceSpec? On = null, GuestPayloads? Payloads = null);

    private static Change Container(Func<ContainerSpec, ContainerSpec> change, GuestPayloads? payloads = null) =>
        new(s => s with { Sandbox = s.Sandbox! with { Containers = [change(s.Sandbox.Containers[0])] } }, Payloads: payloads);

    private static Change Variable(int index, Func<EnvironmentVariable, EnvironmentVariable> change, GuestPayloads? payloads = null) =>
        Container(c => c with { Environment = c.Environment.SetItem(index, change(c.Environment[index])) }, payloads);

    private static Change Volume(int index, Func<VolumeSpec, VolumeSpec> change, GuestPayloads? payloads = null) =>
        new(s => s with { Volumes = s.Volumes.SetItem(index, change(s.Volumes[index])) }, Payloads: payloads);

    private static Change Files(Func<FilesVolume, FilesVolume> change, GuestPayloads? payloads = null) => Volume(0, v => v with { Files = change(v.Files!) }, payloads);

    private static Change Disk(Func<DiskVolume, DiskVolume> change) => Volume(2, v => v with { Disk = change(v.Disk!) });

    private static Change Machine(Func<MachineSpec, MachineSpec> change) => new(s => s with { Machine = change(s.Machine!) }, Guests.Machine);

    private static Change Interface(Func<InterfaceSpec, InterfaceSpec> change) => new(s => s with { Interfaces = s.Interfaces.SetItem(0, change(s.Interfaces[0])) });

    private static Change Rule(Func<IngressRule, IngressRule> change) => Interface(i => i with { Ingress = [change(i.Ingress!.Value[0])] });

    private static Change PullSecret(Func<PayloadReference, PayloadReference> change, GuestPayloads? payloads = null) =>
        new(s => s with { Sandbox = s.Sandbox! with { PullSecrets = [change(s.Sandbox.PullSecrets[0])] } }, Payloads: payloads);

    private static readonly GuestPayloads NoPayloads = GuestPayloads.Empty;

    /// <summary>A change of each field that the guest must notice.</summary>
    private static readonly Dictionary<string, Change> GuestFields = new(StringComparer.Ordinal)
    {
        ["hostname"] = new(s => s with { Hostname = "web-1" }),
        ["terminationGraceSeconds"] = new(s => s with { TerminationGraceSeconds = 21 }),
        ["sandbox.containers[].name"] = Container(c => c with { Name = "other" }),
        ["sandbox.containers[].image"] = Container(c => c with { Image = "nginx" }),
        ["sandbox.containers[].command[]"] = Container(c => c with { Command = ["/bin/other"] }),
        ["sandbox.containers[].args[]"] = Container(c => c with { Args = ["--other"] }),
        ["sandbox.containers[].environment[].name"] = Variable(2, v => v with { Name = "OTHER" }),
        ["sandbox.containers[].environment[].value"] = Variable(2, v => v with { Value = "other" }),
        ["sandbox.containers[].environment[].from.payload.name"] = Variable(3, v => v with { From = v.From! with { Payload = v.From.Payload with { Name = "absent" } } }),
        ["sandbox.containers[].environment[].from.payload.secret"] = Variable(3, v => v with { From = v.From! with { Payload = v.From.Payload with { Secret = true } } }),
        ["sandbox.containers[].environment[].from.payload.optional"] = Variable(3, v => v with { From = v.From! with { Payload = v.From.Payload with { Optional = true } } }, NoPayloads),
        ["sandbox.containers[].environment[].from.key"] = Variable(3, v => v with { From = v.From! with { Key = "other" } }),
        ["sandbox.containers[].environment[].from.optional"] = Variable(3, v => v with { From = v.From! with { Optional = true } }, NoPayloads),
        ["sandbox.containers[].environment[].allOf.name"] = Variable(0, v => v with { AllOf = v.AllOf! with { Name = "absent" } }),
        ["sandbox.containers[].environment[].allOf.secret"] = Variable(0, v => v with { AllOf = v.AllOf! with { Secret = true } }),
        ["sandbox.containers[].environment[].allOf.optional"] = Variable(0, v => v with { AllOf = v.AllOf! with { Optional = true } }, NoPayloads),
        ["sandbox.containers[].ports[].name"] = Container(c => c with { Ports = [c.Ports[0] with { Name = "other" }] }),
        ["sandbox.containers[].ports[].port"] = Container(c => c with { Ports = [c.Ports[0] with { Port = 8081 }] }),
        ["sandbox.containers[].ports[].protocol"] = Container(c => c with { Ports = [c.Ports[0] with { Protocol = "UDP" }] }),
        ["sandbox.containers[].mounts[].volume"] = Container(c => c with { Mounts = [c.Mounts[0] with { Volume = "keys" }] }),
        ["sandbox.containers[].mounts[].path"] = Container(c => c with { Mounts = [c.Mounts[0] with { Path = "/other" }] }),
        ["sandbox.containers[].mounts[].readOnly"] = Container(c => c with { Mounts = c.Mounts.SetItem(2, c.Mounts[2] with { ReadOnly = true }) }),
        ["sandbox.containers[].limits.cpuMillis"] = Container(c => c with { Limits = c.Limits! with { CpuMillis = 1500 } }),
        ["sandbox.containers[].limits.memoryMiB"] = Container(c => c with { Limits = c.Limits! with { MemoryMiB = 512 } }),
        ["sandbox.pullSecrets[].name"] = PullSecret(p => p with { Name = "absent" }),
        ["sandbox.pullSecrets[].secret"] = PullSecret(p => p with { Secret = false }),
        ["sandbox.pullSecrets[].optional"] = PullSecret(p => p with { Optional = true }, NoPayloads),
        ["machine.bootVolume"] = Machine(m => m with { BootVolume = "data" }),
        ["machine.sshKeys[]"] = Machine(m => m with { SshKeys = [m.SshKeys[0]] }),
        ["machine.ports[].name"] = Machine(m => m with { Ports = [m.Ports[0] with { Name = "other" }] }),
        ["machine.ports[].port"] = Machine(m => m with { Ports = [m.Ports[0] with { Port = 2222 }] }),
        ["machine.ports[].protocol"] = Machine(m => m with { Ports = [m.Ports[0] with { Protocol = "UDP" }] }),
        ["machine.mounts[].volume"] = Machine(m => m with { Mounts = m.Mounts.SetItem(0, m.Mounts[0] with { Volume = "keys" }) }),
        ["machine.mounts[].path"] = Machine(m => m with { Mounts = m.Mounts.SetItem(0, m.Mounts[0] with { Path = "/other" }) }),
        ["machine.mounts[].readOnly"] = Machine(m => m with { Mounts = m.Mounts.SetItem(2, m.Mounts[2] with { ReadOnly = true }) }),
        ["volumes[].name"] = Volume(0, v => v with { Name = "other" }),
        ["volumes[].disk.deviceName"] = Disk(d => d with { DeviceName = "other" }),
        ["volumes[].disk.filesystem"] = Disk(d => d with { Filesystem = "xfs" }),
        ["volumes[].files.payload.name"] = Files(f => f with { Payload = f.Payload with { Name = "absent" } }),
        ["volumes[].files.payload.secret"] = Files(f => f with { Payload = f.Payload with { Secret = true } }),
        ["volumes[].files.payload.optional"] = Files(f => f with { Payload = f.Payload with { Optional = true } }, NoPayloads),
        ["volumes[].files.mode"] = Files(f => f with { Mode = 0x124, Items = [f.Items[0] with { Mode = null }] }),
        ["volumes[].files.items[].key"] = Files(f => f with { Items = [f.Items[0] with { Key = "color" }] }),
        ["volumes[].files.items[].path"] = Files(f => f with { Items = [f.Items[0] with { Path = "other" }] }),
        ["volumes[].files.items[].mode"] = Files(f => f with { Items = [f.Items[0] with { Mode = 0x1C0 }] }),
        ["interfaces[].name"] = Interface(i => i with { Name = "eth2" }),
        ["interfaces[].ingress[].protocol"] = Rule(r => r with { Protocol = "UDP" }),
        ["interfaces[].ingress[].port"] = Rule(r => r with { Port = 8081 }),
        ["interfaces[].ingress[].endPort"] = Rule(r => r with { EndPort = 8091 }),
        ["interfaces[].ingress[].source"] = Rule(r => r with { Source = "fd00::/8" }),
    };

    /// <summary>Contents that changed: nothing but the hash says so, and it is part of <see cref="GuestBootstrap.ReplacementHash"/> alone.</summary>
    private static readonly Dictionary<string, Change> HashFields = new(StringComparer.Ordinal)
    {
        ["sandbox.containers[].environment[].from.payload.hash"] = Variable(3, v => v with { From = v.From! with { Payload = v.From.Payload with { Hash = "other" } } }),
        ["sandbox.containers[].environment[].allOf.hash"] = Variable(0, v => v with { AllOf = v.AllOf! with { Hash = "other" } }),
        ["sandbox.pullSecrets[].hash"] = PullSecret(p => p with { Hash = "other" }),
        ["volumes[].files.payload.hash"] = Files(f => f with { Payload = f.Payload with { Hash = "other" } }),
    };

    /// <summary>A change of each field that is the platform's.</summary>
    private static readonly Dictionary<string, Change> PlatformChanges = new(StringComparer.Ordinal)
    {
        ["locationJson"] = new(s => s with { LocationJson = """{"zone":"a"}""" }),
        ["labels"] = new(s => s with { Labels = s.Labels.Add("a", "b") }),
        ["suspended"] = new(s => s with { Suspended = true }),
        ["restartedAt"] = new(s => s with { RestartedAt = "2026-01-01T00:00:00Z" }),
        ["size.instanceType"] = new(s => s with { Size = s.Size with { InstanceType = "other" } }),
        ["size.cpuMillis"] = new(s => s with { Size = s.Size with { CpuMillis = 1 } }),
        ["size.memoryMiB"] = new(s => s with { Size = s.Size with { MemoryMiB = 1 } }),
        ["size.native"] = new(s => s with { Size = s.Size with { Native = "other" } }),
        ["volumes[].disk.disk"] = Disk(d => d with { Disk = new Reference { Name = "other", Parts = [new Part { Name = "disk", Id = "1" }] } }),
        ["volumes[].disk.image"] = Disk(d => d with { Image = "other" }),
        ["volumes[].disk.sizeGiB"] = Disk(d => d with { SizeGiB = 77 }),
        ["volumes[].disk.type"] = Disk(d => d with { Type = "other" }),
        ["interfaces[].network"] = Interface(i => i with { Network = new Reference { Name = "other" } }),
        ["interfaces[].subnets"] = Interface(i => i with { Subnets = [new Reference { Name = "other" }] }),
        ["interfaces[].ranges"] = Interface(i => i with { Ranges = ["10.0.0.0/24"] }),
        ["interfaces[].addresses"] = Interface(i => i with { Addresses = ["10.0.0.7"] }),
        ["interfaces[].firewalls"] = Interface(i => i with { Firewalls = [new Reference { Name = "other" }] }),
    };

    private static IEnumerable<string> GuestNames => GuestFields.Keys;

    private static IEnumerable<string> HashNames => HashFields.Keys;

    private static IEnumerable<string> PlatformNames => PlatformChanges.Keys;

    [Test]
    public void Every_field_is_the_guests_or_the_platforms() =>
        Assert.That(Walk(typeof(InstanceSpec), "").Order(StringComparer.Ordinal),
            Is.EqualTo(GuestFields.Keys.Concat(HashFields.Keys).Concat(PlatformChanges.Keys).Order(StringComparer.Ordinal)));

    [Test]
    public void The_platforms_fields_are_the_published_list() => Assert.That(PlatformChanges.Keys, Is.EquivalentTo(GuestBootstrap.PlatformFields));

    [TestCaseSource(nameof(GuestNames))]
    public void A_change_is_rendered_or_refused_and_changes_the_hash(string field)
    {
        var change = GuestFields[field];
        foreach (var form in new[] { UserDataForm.CloudInit, UserDataForm.Ignition })
        {
            var (before, after) = Both(change, form);
            Assert.That(Text(after), Is.Not.EqualTo(Text(before)), "the rendering, apart from its hash");
            Assert.That(after.ReplacementHash, Is.Not.EqualTo(before.ReplacementHash));
        }
    }

    [TestCaseSource(nameof(GuestNames)), TestCaseSource(nameof(HashNames))]
    public void What_is_kept_beside_the_instance_shows_the_change(string field)
    {
        var change = GuestFields.GetValueOrDefault(field) ?? HashFields[field];
        var spec = change.On ?? Guests.Sandbox;
        var (diff, wish) = (new SpecDiff(), change.Apply(spec));
        GuestFingerprint.Compare(diff, GuestFingerprint.Of(wish, Guests.Options), GuestFingerprint.Of(spec, Guests.Options), wish);
        Assert.That(diff.ToDrift().Select(d => d.Remedy), Is.Not.Empty.And.All.EqualTo(field == "terminationGraceSeconds" ? Remedy.Unknown : Remedy.Replace));
    }

    [TestCaseSource(nameof(HashNames))]
    public void Changed_contents_change_the_hash(string field)
    {
        var (before, after) = Both(HashFields[field], UserDataForm.CloudInit);
        Assert.That(after.ReplacementHash, Is.Not.EqualTo(before.ReplacementHash));
    }

    [TestCaseSource(nameof(PlatformNames))]
    public void A_change_of_the_platforms_changes_nothing(string field)
    {
        var (before, after) = Both(PlatformChanges[field], UserDataForm.CloudInit);
        Assert.Multiple(() =>
        {
            Assert.That(Text(after), Is.EqualTo(Text(before)));
            Assert.That(after.ReplacementHash, Is.EqualTo(before.ReplacementHash));
        });
    }

    [Test]
    public void Values_of_secrets_are_no_part_of_the_hash()
    {
        var other = Guests.Payloads.With(Guests.Secret, Guests.Map(("password", "another"), ("tls.key", "k"), ("more", "z")));
        Assert.That(Guests.Render(Guests.Sandbox, payloads: other).ReplacementHash, Is.EqualTo(Guests.Render(Guests.Sandbox).ReplacementHash));
    }

    [Test]
    public void Where_the_platform_enforces_rules_a_change_of_them_replaces_nothing()
    {
        var options = Guests.Options with { Firewall = FirewallScope.Instance };
        var changed = GuestFields["interfaces[].ingress[].port"].Apply(Guests.Sandbox);
        Assert.That(GuestBootstrap.HashOf(changed, options), Is.EqualTo(GuestBootstrap.HashOf(Guests.Sandbox, options)));
    }

    private static (GuestBootstrap Before, GuestBootstrap After) Both(Change change, UserDataForm form)
    {
        var options = Guests.Options with { Form = form };
        var spec = change.On ?? Guests.Sandbox;
        var payloads = change.Payloads ?? Guests.Payloads;
        return (GuestBootstrap.Render(spec, payloads, options), GuestBootstrap.Render(change.Apply(spec), payloads, options));
    }

    private static string Text(GuestBootstrap rendered)
    {
        var text = new StringBuilder();
        foreach (var finding in rendered.Findings)
            text.Append(finding.Path).Append(": ").Append(finding.Message).Append('\n');
        if (rendered.Usable)
        {
            foreach (var (path, file) in rendered.Form == UserDataForm.Ignition ? Rendered.IgnitionFiles(rendered) : Rendered.CloudFiles(rendered))
                text.Append(path).Append(' ').Append(file.Mode).Append('\n').Append(file.Text).Append('\n');
            text.Append(Rendered.WithoutFiles(rendered));
        }
        if (rendered.Secrets is not null)
            foreach (var (path, file) in Rendered.Secrets(rendered))
                text.Append(path).Append(' ').Append(file.Mode).Append(' ').Append(file.Text).Append('\n');
        return text.ToString().Replace(rendered.ReplacementHash, "HASH", StringComparison.Ordinal);
    }

    /// <summary>Paths of all fields without records below them; lists end with [] and a platform's field isn't entered.</summary>
    private static IEnumerable<string> Walk(Type type, string prefix)
    {
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite))
        {
            var path = prefix + char.ToLowerInvariant(property.Name[0]) + property.Name[1..];
            if (GuestBootstrap.PlatformFields.Contains(path))
            {
                yield return path;
                continue;
            }
            var inner = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            if (inner.IsGenericType && typeof(IEnumerable).IsAssignableFrom(inner))
            {
                inner = inner.GetGenericArguments()[^1];
                path += "[]";
            }
            if (inner.Assembly == typeof(InstanceSpec).Assembly && !inner.IsEnum)
                foreach (var nested in Walk(inner, path + "."))
                    yield return nested;
            else
                yield return path;
        }
    }
}
