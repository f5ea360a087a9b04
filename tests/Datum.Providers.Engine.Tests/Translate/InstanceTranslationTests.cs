using System.Collections;
using System.Text.Json;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Engine.Tests.Translate;

/// <summary>Law L11: every field is honoured or becomes a finding with its path.</summary>
internal sealed class InstanceTranslationTests
{
    private static readonly Capabilities All = new()
    {
        Subnets = SubnetSupport.Separate, Firewall = FirewallScope.Instance, IpFamilies = IpFamilySupport.Any, MaxContainers = 8, VirtualMachines = true,
        MaxInterfaces = 2, MaxDataDisks = 4, Secrets = SecretRoute.GuestChannel, Marks = new MarkLimits { Style = MarkStyle.KeyValue, MaxLength = 63 },
    };

    [Test]
    public void A_sandbox_with_every_field_is_translated()
    {
        var wish = Translate(Sandbox());
        Assert.That(wish.Findings.Select(f => $"{f.Path}: {f.Message}"), Is.Empty);
        var spec = wish.Spec!;
        Assert.That(spec.Hostname, Is.EqualTo("web-0"));
        Assert.That((spec.Size.CpuMillis, spec.Size.MemoryMiB, spec.Size.InstanceType), Is.EqualTo((2000, 8192, "datumcloud/d1-standard-2")));
        Assert.That(spec.Labels, Is.EquivalentTo(new Dictionary<string, string> { ["team"] = "a" }));
        Assert.That(spec.RestartedAt, Is.EqualTo("2030-01-01T00:00:00Z"));
        Assert.That(spec.TerminationGraceSeconds, Is.EqualTo(90));
        Assert.That(JsonElement.Parse(spec.LocationJson!).GetProperty("zone").GetString(), Is.EqualTo("z1"));

        Assert.That(spec.Sandbox!.PullSecrets.Select(s => (s.Name, s.Secret)), Is.EqualTo([("registry", true)]));
        var container = spec.Sandbox.Containers.Single();
        Assert.That((container.Name, container.Image), Is.EqualTo(("web", "web:1")));
        Assert.That(container.Command, Is.EqualTo(["/bin/web"]));
        Assert.That(container.Args, Is.EqualTo(["-v"]));
        Assert.That(container.Ports.Select(p => (p.Name, p.Port, p.Protocol)), Is.EqualTo([("http", 8080, "TCP"), ("dns", 53, "UDP")]));
        Assert.That(container.Mounts.Select(m => (m.Volume, m.Path)), Is.EqualTo([("data", "/data"), ("files", "/etc/web")]));
        Assert.That((container.Limits!.CpuMillis, container.Limits.MemoryMiB), Is.EqualTo((500, 64)));
        Assert.That(container.Environment.Select(e => (e.Name, e.Value, e.From?.Payload.Name, e.From?.Payload.Secret, e.From?.Key, e.From?.Optional, e.AllOf?.Name, e.AllOf?.Secret, e.AllOf?.Optional)), Is.EqualTo(
            new (string, string?, string?, bool?, string?, bool?, string?, bool?, bool?)[]
            {
                ("P_", null, null, null, null, null, "settings", false, true),
                ("MODE", "prod", null, null, null, null, null, null, null),
                ("PASSWORD", null, "app", true, "password", true, null, null, null),
            }));

        var face = spec.Interfaces.Single();
        Assert.That((face.Name, face.Network!.Name, face.Subnets.Single().Name), Is.EqualTo(("eth0", "net-entry", "sub-entry")));
        Assert.That(face.Ranges, Is.EqualTo(["10.0.0.0/20"]));
        Assert.That(face.Ingress!.Value.Select(r => (r.Protocol, r.Port, r.Source)), Is.EquivalentTo(new (string?, int?, string)[] { ("TCP", 8080, "0.0.0.0/0"), ("TCP", 8080, "::/0") }));

        var data = spec.Volumes.Single(v => v.Name == "data").Disk!;
        Assert.That((data.Disk!.Name, data.DeviceName, data.Filesystem), Is.EqualTo(("disk-entry-data", "dev0", "ext4")));
        Assert.That(wish.Disks.Select(d => (d.Key, d.Value.SizeGiB, d.Value.Type, d.Value.Filesystem)), Is.EqualTo([("data", 10, "pd-standard", "ext4")]));
        var files = spec.Volumes.Single(v => v.Name == "files").Files!;
        Assert.That((files.Payload.Name, files.Payload.Secret, files.Payload.Optional, files.Mode), Is.EqualTo(("web-files", false, true, (int?)420)));
        Assert.That(files.Items.Select(i => (i.Key, i.Path, i.Mode)), Is.EqualTo([("a", "conf/a", (int?)256)]));
    }

    [Test]
    public void A_virtual_machine_with_every_field_is_translated()
    {
        var wish = Translate(Machine());
        Assert.That(wish.Findings.Select(f => $"{f.Path}: {f.Message}"), Is.Empty);
        var machine = wish.Spec!.Machine!;
        Assert.That(machine.BootVolume, Is.EqualTo("boot"));
        Assert.That(machine.SshKeys, Is.EqualTo(["admin:" + Key]));
        Assert.That(machine.Ports.Select(p => p.Port), Is.EqualTo([22]));
        Assert.That(machine.Mounts.Select(m => (m.Volume, m.Path)), Is.EqualTo([("data", "/data")]));
        var boot = wish.Spec.Volumes.Single(v => v.Name == "boot").Disk!;
        Assert.That((boot.Image, boot.SizeGiB, boot.Type), Is.EqualTo(("ubuntu", 50, "pd-ssd")));
        Assert.That(wish.Spec.Sandbox, Is.Null);
    }

    [Test]
    public void An_image_disk_without_a_size_gets_25_GiB()
    {
        var machine = Machine();
        machine.Spec.Volumes![0].Disk!.Template.Spec.Resources = null;
        Assert.That(Translate(machine).Spec!.Volumes[0].Disk!.SizeGiB, Is.EqualTo(25));
    }

    [Test]
    public void Translation_is_a_pure_function()
    {
        var (first, second) = (Translate(Sandbox()).Spec!, Translate(Sandbox()).Spec!);
        Assert.That(ContractJson.Write(first).GetRawText(), Is.EqualTo(ContractJson.Write(second).GetRawText()));
    }

    [Test]
    public void Instance_types_of_the_config_come_over_the_defaults()
    {
        var config = new ProviderConfigSpec { InstanceTypes = new() { ["datumcloud/d1-standard-2"] = new() { Native = "n2-standard-2" }, ["x"] = new() { Cpu = "500m", MemoryMiB = 512 } } };
        var size = Translate(Sandbox(), config: config).Spec!.Size;
        Assert.That((size.Native, size.CpuMillis, size.MemoryMiB), Is.EqualTo(("n2-standard-2", 2000, 8192)));
        size = Translate(Sandbox(i => i.Spec.Runtime.Resources.InstanceType = "x"), config: config).Spec!.Size;
        Assert.That((size.CpuMillis, size.MemoryMiB), Is.EqualTo((500, 512)));
    }

    [Test]
    public void Rules_that_a_separate_firewall_enforces_are_not_given_to_the_instance() =>
        Assert.That(Translate(Sandbox(), All with { Firewall = FirewallScope.Separate }).Spec!.Interfaces[0].Ingress, Is.Null);

    [TestCaseSource(nameof(Refusals))]
    public void Refuses(Instance instance, Capabilities capabilities, string path)
    {
        var wish = Translate(instance, capabilities);
        Assert.That(wish.Spec, Is.Null);
        Assert.That(wish.Findings.Select(f => f.Path), Has.Some.EqualTo(path));
        Assert.That(wish.Findings.Select(f => f.Message), Is.All.Not.Empty);
    }

    private static IEnumerable<TestCaseData> Refusals()
    {
        var web = "spec.runtime.sandbox.containers[0]";
        yield return Row("no runtime", Sandbox(i => i.Spec.Runtime.Sandbox = null), All, "spec.runtime");
        yield return Row("two runtimes", Sandbox(i => i.Spec.Runtime.VirtualMachine = new()), All, "spec.runtime");
        yield return Row("runtime class", Sandbox(i => i.Spec.Runtime.Class = "kata"), All, "spec.runtime.class");
        yield return Row("unknown type", Sandbox(i => i.Spec.Runtime.Resources.InstanceType = "huge"), All, "spec.runtime.resources.instanceType");
        yield return Row("requests", Sandbox(i => i.Spec.Runtime.Resources.Requests = new() { ["cpu"] = 1 }), All, "spec.runtime.resources.requests");
        yield return Row("no sandboxes here", Sandbox(), All with { MaxContainers = 0 }, "spec.runtime.sandbox");
        yield return Row("too many containers", Sandbox(i => i.Spec.Runtime.Sandbox!.Containers.Add(new() { Name = "b", Image = "b" })), All with { MaxContainers = 1 }, "spec.runtime.sandbox.containers");
        yield return Row("container requests", Sandbox(i => i.Spec.Runtime.Sandbox!.Containers[0].Resources!.Requests = new() { ["cpu"] = 1 }), All, $"{web}.resources.requests");
        yield return Row("unknown limit", Sandbox(i => i.Spec.Runtime.Sandbox!.Containers[0].Resources!.Limits!["gpu"] = 1), All, $"{web}.resources.limits[gpu]");
        yield return Row("unreadable limit", Sandbox(i => i.Spec.Runtime.Sandbox!.Containers[0].Resources!.Limits!["cpu"] = "many"), All, $"{web}.resources.limits[cpu]");
        yield return Row("a field of the instance", Sandbox(i => i.Spec.Runtime.Sandbox!.Containers[0].Env![0].ValueFrom = new() { FieldRef = new() { FieldPath = "metadata.name" } }), All, $"{web}.env[0].valueFrom");
        yield return Row("no route for secrets: env", Sandbox(), All with { Secrets = SecretRoute.None }, $"{web}.env[1].valueFrom");
        yield return Row("no route for secrets: pull secrets", Sandbox(i => { i.Spec.Runtime.Sandbox!.Containers[0].Env = null; }), All with { Secrets = SecretRoute.None }, "spec.runtime.sandbox.imagePullSecrets");
        yield return Row("env of two sources", Sandbox(i => i.Spec.Runtime.Sandbox!.Containers[0].EnvFrom![0].SecretRef = new() { Name = "x" }), All, $"{web}.envFrom[0]");
        yield return Row("a mount of no volume", Sandbox(i => i.Spec.Runtime.Sandbox!.Containers[0].VolumeAttachments![0].Name = "nowhere"), All, $"{web}.volumeAttachments[0].name");
        yield return Row("no interface", Sandbox(i => i.Spec.NetworkInterfaces.Clear()), All, "spec.networkInterfaces");
        yield return Row("too many interfaces", Sandbox(i => i.Spec.NetworkInterfaces.Add(new())), All with { MaxInterfaces = 1 }, "spec.networkInterfaces");
        yield return Row("nobody enforces the rules", Sandbox(), All with { Firewall = FirewallScope.None }, "spec.networkInterfaces[0].networkPolicy");
        yield return Row("a port name that is nobody's", Sandbox(i => i.Spec.NetworkInterfaces[0].NetworkPolicy!.Ingress![0].Ports![0].Port = "metrics"), All, "spec.networkInterfaces[0].networkPolicy.ingress[0].ports[0].port");
        yield return Row("unreadable grace", Sandbox(i => i.Metadata.Annotations![Annotations.TerminationGrace] = "soon"), All, $"metadata.annotations[{Annotations.TerminationGrace}]");
        yield return Row("too many disks", Sandbox(), All with { MaxDataDisks = 0 }, "spec.volumes");
        yield return Row("a disk without a size", Sandbox(i => i.Spec.Volumes![0].Disk!.Template.Spec.Resources = null), All, "spec.volumes[0].disk.template.spec.resources.requests[storage]");
        yield return Row("a disk of half a GiB", Sandbox(i => i.Spec.Volumes![0].Disk!.Template.Spec.Resources!.Requests!["storage"] = "512Mi"), All, "spec.volumes[0].disk.template.spec.resources.requests[storage]");
        yield return Row("another request of a disk", Sandbox(i => i.Spec.Volumes![0].Disk!.Template.Spec.Resources!.Requests!["iops"] = 100), All, "spec.volumes[0].disk.template.spec.resources.requests[iops]");
        yield return Row("a volume of nothing", Sandbox(i => i.Spec.Volumes!.Add(new() { Name = "empty" })), All, "spec.volumes[2]");
        yield return Row("a path that leaves its volume", Sandbox(i => i.Spec.Volumes![1].ConfigMap!.Items![0].Path = "../a"), All, "spec.volumes[1].configMap.items[0].path");
        yield return Row("no machines here", Machine(), All with { VirtualMachines = false }, "spec.runtime.virtualMachine");
        yield return Row("a machine without a boot disk", Machine(i => i.Spec.Runtime.VirtualMachine!.VolumeAttachments.Clear()), All, "spec.runtime.virtualMachine.volumeAttachments");
        yield return Row("a machine without keys", Machine(i => i.Metadata.Annotations!.Remove(Annotations.SshKeys)), All, $"metadata.annotations[{Annotations.SshKeys}]");
        yield return Row("a machine that boots from files", Machine(i => i.Spec.Runtime.VirtualMachine!.VolumeAttachments[0].Name = "nowhere"), All, "spec.runtime.virtualMachine.volumeAttachments[0].name");
    }

    [Test]
    public void L11_a_member_that_no_version_of_ours_knows_is_refused_wherever_it_stands()
    {
        var dropped = new List<string>();
        foreach (var make in new Func<Instance>[] { () => Sandbox(), () => Machine() })
            foreach (var (path, index) in Nodes(make().Spec, "spec").Select((n, i) => (n.Path, i)))
            {
                var instance = make();
                Nodes(instance.Spec, "spec").ElementAt(index).Node.Unknown = new() { ["later"] = JsonElement.Parse("1") };
                if (Translate(instance).Findings.IsEmpty)
                    dropped.Add(path);
            }
        Assert.That(dropped, Is.Empty);
    }

    /// <summary>Every object of a spec, in a stable order; what the core controllers write isn't the user's.</summary>
    private static IEnumerable<(KubeData Node, string Path)> Nodes(object value, string path)
    {
        if (value is KubeData data)
        {
            yield return (data, path);
            foreach (var property in value.GetType().GetProperties().Where(p => p.Name is not ("Unknown" or "Location" or "Controller") && p.GetIndexParameters().Length == 0))
                if (property.GetValue(value) is { } member && member is KubeData or IList)
                    foreach (var inner in Nodes(member, $"{path}.{property.Name}"))
                        yield return inner;
        }
        else if (value is IList list)
        {
            for (var i = 0; i < list.Count; i++)
                if (list[i] is KubeData item)
                    foreach (var inner in Nodes(item, $"{path}[{i}]"))
                        yield return inner;
        }
    }

    private static TestCaseData Row(string why, Instance instance, Capabilities capabilities, string path) => new TestCaseData(instance, capabilities, path).SetArgDisplayNames(why);

    private static InstanceWish Translate(Instance instance, Capabilities? capabilities = null, ProviderConfigSpec? config = null) =>
        InstanceTranslation.Translate(instance, capabilities ?? All, config ?? new ProviderConfigSpec(), [new InterfacePlace("net-entry", ["sub-entry"], ["10.0.0.0/20"])],
            JsonElement.Parse("""{"zone":"z1"}"""), slot => $"disk-entry-{slot}");

    private const string Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAqyjfr0gTk1lxqA/eEac0djYWuw+ZLFphPHmfWwxbO5";

    private static Instance Sandbox(Action<Instance>? change = null)
    {
        var instance = new Instance
        {
            Spec = new()
            {
                Runtime = new InstanceRuntime
                {
                    Resources = { InstanceType = "datumcloud/d1-standard-2" },
                    Sandbox = new SandboxRuntime
                    {
                        ImagePullSecrets = [new ImagePullSecret { Name = "registry" }],
                        Containers =
                        [
                            new SandboxContainer
                            {
                                Name = "web", Image = "web:1", Command = ["/bin/web"], Args = ["-v"],
                                Env =
                                [
                                    new Resources.Compute.EnvironmentVariable { Name = "MODE", Value = "prod" },
                                    new Resources.Compute.EnvironmentVariable { Name = "PASSWORD", ValueFrom = new() { SecretKeyRef = new() { Name = "app", Key = "password", Optional = true } } },
                                ],
                                EnvFrom = [new EnvironmentSource { Prefix = "P_", ConfigMapRef = new() { Name = "settings", Optional = true } }],
                                Resources = new ContainerResources { Limits = new() { ["cpu"] = "500m", ["memory"] = "64Mi" } },
                                VolumeAttachments = [new VolumeAttachment { Name = "data", MountPath = "/data" }, new VolumeAttachment { Name = "files", MountPath = "/etc/web" }],
                                Ports = [new NamedPort { Name = "http", Port = 8080 }, new NamedPort { Name = "dns", Port = 53, Protocol = "UDP" }],
                            },
                        ],
                    },
                },
                NetworkInterfaces =
                [
                    new InstanceNetworkInterface
                    {
                        Network = { Name = "default" },
                        NetworkPolicy = new InterfaceNetworkPolicy { Ingress = [new NetworkPolicyIngressRule { Ports = [new NetworkPolicyPort { Port = "http" }] }] },
                    },
                ],
                Volumes =
                [
                    new InstanceVolume
                    {
                        Name = "data",
                        Disk = new Resources.Compute.DiskVolume
                        {
                            DeviceName = "dev0",
                            Template = { Spec = { Type = "pd-standard", Resources = new DiskResources { Requests = new() { ["storage"] = "10Gi" } }, Populator = new DiskPopulator { Filesystem = new FilesystemPopulator { Type = "ext4" } } } },
                        },
                    },
                    new InstanceVolume
                    {
                        Name = "files",
                        ConfigMap = new ConfigMapVolume { Name = "web-files", DefaultMode = 420, Optional = true, Items = [new KeyToPath { Key = "a", Path = "conf/a", Mode = 256 }] },
                    },
                ],
            },
        };
        instance.Metadata.Name = "web-0";
        instance.Metadata.Labels = new Dictionary<string, string> { ["team"] = "a", [Labels.InstanceIndex] = "0" };
        instance.Metadata.Annotations = new() { ["compute.datumapis.com/restartedAt"] = "2030-01-01T00:00:00Z", [Annotations.TerminationGrace] = "90s" };
        change?.Invoke(instance);
        return instance;
    }

    private static Instance Machine(Action<Instance>? change = null)
    {
        var instance = Sandbox();
        instance.Spec.Runtime.Sandbox = null;
        instance.Spec.Runtime.VirtualMachine = new VirtualMachineRuntime
        {
            VolumeAttachments = [new VolumeAttachment { Name = "boot" }, new VolumeAttachment { Name = "data", MountPath = "/data" }],
            Ports = [new NamedPort { Name = "http", Port = 22 }],
        };
        instance.Spec.Volumes!.Insert(0, new InstanceVolume
        {
            Name = "boot",
            Disk = new Resources.Compute.DiskVolume { Template = { Spec = { Type = "pd-ssd", Resources = new DiskResources { Requests = new() { ["storage"] = "50Gi" } }, Populator = new DiskPopulator { Image = new ImagePopulator { Name = "ubuntu" } } } } },
        });
        instance.Metadata.Annotations![Annotations.SshKeys] = "admin:" + Key;
        change?.Invoke(instance);
        return instance;
    }
}
