using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

/// <summary>The checker itself: what isn't as the platform's schema says is refused. A checker that lets everything through proves nothing.</summary>
public sealed class SchemaTests
{
    private const string Create = "POST /nodes/{node}/qemu";
    private const string Config = "POST /nodes/{node}/qemu/{vmid}/config";
    private const string Group = "POST /cluster/firewall/groups";
    private const string Rules = "POST /cluster/firewall/groups/{group}";
    private const string Clone = "POST /nodes/{node}/qemu/{vmid}/clone";
    private const string Subnets = "POST /cluster/sdn/vnets/{vnet}/subnets";

    private static readonly object[][] Broken =
    [
        ["POST /nodes/{node}/kvm", "", "", "no operation"],
        ["PATCH /version", "", "", "no operation"],
        [Create, "", "vmid", "missing"],
        [Create, "vmid=5", "vmid", "minimum value of 100"],
        [Create, "vmid=1000000000", "vmid", "maximum value"],
        [Create, "vmid=abc", "vmid", "type check ('integer')"],
        [Create, "vmid=100&cores=0", "cores", "minimum value of 1"],
        [Create, "vmid=100&cpus=2", "cpus", "not defined in schema"],
        [Create, "vmid=100&onboot=perhaps", "onboot", "type check ('boolean')"],
        [Create, "vmid=100&cpulimit=much", "cpulimit", "type check ('number')"],
        [Create, "vmid=100&bios=efi", "bios", "enumeration"],
        [Create, "vmid=100&name=web_0", "name", "valid DNS name"],
        [Create, "vmid=100&tags=datum:x", "tags", "invalid characters in tag"],
        [Create, "vmid=100&serial0=tcp", "serial0", "regex pattern"],
        [Create, "vmid=100&net0=virtio,bridge=vmbr0,vlan=7", "net0", "vlan: property is not defined"],
        [Create, "vmid=100&net0=bridge=vmbr0", "net0", "model: property is missing"],
        [Create, "vmid=100&net0=virtio,tag=5000", "net0", "tag: value must have a maximum"],
        [Create, "vmid=100&net0=virtio,macaddr=01:00:00:00:00:00", "net0", "unicast MAC"],
        [Create, "vmid=100&net0=virtio,virtio=BC:24:11:00:00:01", "net0", "duplicate key"],
        [Create, "vmid=100&net32=virtio", "net32", "not defined in schema"],
        [Create, "vmid=100&scsi31=ceph:1", "scsi31", "not defined in schema"],
        [Create, "vmid=100&scsi0=ceph:8,size=big", "scsi0", "size"],
        [Create, "vmid=100&scsi0=iothread=1", "scsi0", "file: property is missing"],
        [Create, "vmid=100&scsi0=ceph:8,ssd=on,nothing=1", "scsi0", "nothing: property is not defined"],
        [Create, "vmid=100&agent=enabled=1,port=2", "agent", "port: property is not defined"],
        [Create, "vmid=100&ipconfig0=ip=10.0.0.1", "ipconfig0", "ip: invalid format"],
        [Create, "vmid=100&ipconfig0=gw=10.0.0.1", "ipconfig0", "'gw' requires"],
        [Create, "vmid=100&sshkeys=ssh-ed25519 AAAA", "sshkeys", "URL encoded"],
        [Create, "vmid=100&smbios1=uuid=not-one", "smbios1", "uuid"],
        [Create, "vmid=100&boot=order=scsi0,net0", "boot", "boot order"],
        [Create, "vmid=100&vmid=101", "vmid", "ARRAY"],
        [Create, "vmid=100&force=1", "archive", "'force' requires"],
        [Config, "digest=0123456789012345678901234567890123456789a", "digest", "40 characters"],
        [Config, "description=" + "LONG", "description", "8192 characters"],
        [Clone, "newid=99", "newid", "minimum"],
        [Clone, "newid=101&full=2", "full", "type check"],
        [Group, "group=a-name-that-is-longer-than-18", "group", "18 characters"],
        [Group, "group=x", "group", "at least 2"],
        [Group, "group=9lives", "group", "regex pattern"],
        [Rules, "type=sideways&action=ACCEPT", "type", "enumeration"],
        [Rules, "type=in", "action", "missing"],
        [Rules, "type=in&action=ACCEPT&dport=90:80", "dport", "backwards range"],
        [Rules, "type=in&action=ACCEPT&source=anywhere!", "source", "no address"],
        [Rules, "type=in&action=ACCEPT&proto=ether", "proto", "unknown protocol"],
        ["POST /cluster/sdn/vnets", "vnet=longername&zone=lab", "vnet", "more than 8"],
        ["POST /cluster/sdn/vnets", "vnet=net1", "zone", "missing"],
        ["POST /cluster/sdn/vnets", "vnet=net1&zone=lab&tag=many", "tag", "type check"],
        ["POST /cluster/sdn/vnets", "vnet=net1&zone=lab&alias=a~b", "alias", "regex pattern"],
        [Subnets, "subnet=10.0.0.0&type=subnet", "subnet", "valid CIDR"],
        [Subnets, "subnet=10.0.0.0/24&type=subnet&dhcp-range=from=10.0.0.5", "dhcp-range", "from: property is not defined"],
        ["POST /nodes/{node}/storage/{storage}/upload", "content=snippets&filename=x.yaml", "content", "enumeration"],
        ["PUT /nodes/{node}/qemu/{vmid}/resize", "disk=scsi99&size=5G", "disk", "enumeration"],
        ["PUT /nodes/{node}/qemu/{vmid}/resize", "disk=scsi0&size=5GB", "size", "regex pattern"],
        ["GET /cluster/resources", "type=qemu", "type", "enumeration"],
    ];

    [TestCaseSource(nameof(Broken))]
    public void A_broken_request_is_refused(string operation, string form, string parameter, string words)
    {
        foreach (var release in (string[])["9.1", "8.4"])
        {
            var faults = Schema(release).CheckRequest(Request(operation, form.Replace("LONG", new string('x', 8193), StringComparison.Ordinal)), operation, Path(operation));
            Assert.That(faults, Does.ContainKey(parameter), release);
            Assert.That(faults[parameter], Does.Contain(words), release);
        }
    }

    [TestCase(Create, "vmid=100&name=web-0.example.org&cores=2&memory=8192&cpu=host&net0=virtio=BC:24:11:00:00:01,bridge=dnet1,firewall=1,mtu=1&scsi0=ceph:25,iothread=1,serial=abc&ide2=shared:iso/x.iso,media=cdrom"
        + "&scsihw=virtio-scsi-single&boot=order=scsi0;ide2&agent=1&serial0=socket&ipconfig0=ip=10.0.0.5/24,gw=10.0.0.1,ip6=auto&tags=datum-a;uid-b&onboot=yes&smbios1=uuid=8d5f1a0e-3a0b-4c5e-9b0a-0f1e2d3c4b5a,serial=eA==,base64=1&sshkeys=ssh-ed25519%2520AAAA%250A")]
    [TestCase(Rules, "type=in&action=ACCEPT&enable=1&proto=tcp&dport=80,443,8000:8100&source=10.0.0.0/8,192.0.2.1&comment=any words")]
    [TestCase(Rules, "type=group&action=datum-group")]
    [TestCase(Subnets, "subnet=fd20::/64&type=subnet&gateway=fd20::1")]
    public void What_is_right_is_let_through(string operation, string form)
    {
        foreach (var release in (string[])["9.1", "8.4"])
            Assert.That(Schema(release).CheckRequest(Request(operation, form), operation, Path(operation)), Is.Empty, release);
    }

    [TestCase("GET /version", """{"release":"9.1","version":"9.1.1"}""", "lacks repoid")]
    [TestCase("GET /version", """{"release":9.1,"version":"9.1.1","repoid":"0123456789"}""", "string is right")]
    [TestCase("GET /nodes", """[{"node":"pve1","status":"up"}]""", "enumeration")]
    [TestCase("GET /nodes", """{"node":"pve1"}""", "array is right")]
    [TestCase("GET /cluster/nextid", "\"100\"", "integer is right")]
    [TestCase("GET /cluster/resources", """[{"id":"qemu/100","type":"qemu","vmid":5}]""", "minimum")]
    [TestCase("GET /cluster/resources", """[{"id":"qemu/100","type":"qemu","template":true}]""", "boolean is right")]
    [TestCase("GET /cluster/resources", """[{"id":"qemu/100","type":"qemu","memory":1}]""", "no member memory")]
    [TestCase("PUT /nodes/{node}/qemu/{vmid}/config", "\"UPID:x\"", "null is right")]
    [TestCase("GET /nodes/{node}/tasks/{upid}/status", """{"upid":"x","node":"n","pid":1,"pstart":1,"starttime":1,"type":"t","id":"1","user":"u","status":"done"}""", "enumeration")]
    [TestCase("GET /nodes/{node}/qemu/{vmid}/config", """{"net0":"bridge=vmbr0","digest":"x"}""", "model: property is missing")]
    public void A_broken_answer_is_refused(string operation, string data, string words) =>
        Assert.That(string.Join('\n', Schema("9.1").CheckAnswer(operation, JsonNode.Parse(data))), Does.Contain(words));

    [TestCase("9.1")]
    [TestCase("8.4")]
    public void The_double_answers_only_what_is_described(string release)
    {
        var only9 = (string[])["POST /cluster/sdn/lock", "DELETE /cluster/sdn/lock", "POST /cluster/sdn/rollback"];
        var cloud = new ProxmoxCloud(TimeProvider.System) { Release = release };
        Assert.That(cloud.Operations.Except(Schema(release).KnownOperations), Is.EquivalentTo(release == "9.1" ? [] : only9));
    }

    [Test]
    public void The_double_asks_for_the_privileges_that_are_described()
    {
        var cloud = new ProxmoxCloud(TimeProvider.System);
        var differ = cloud.Privileges.Where(p => Schema("9.1").PrivilegeOf(p.Key) is { } described && described != p.Value).Select(p => $"{p.Key}: {p.Value}, described {Schema("9.1").PrivilegeOf(p.Key)}");
        Assert.That(differ, Is.Empty);
        Assert.That(cloud.Privileges.Count(p => Schema("9.1").PrivilegeOf(p.Key) is not null), Is.GreaterThan(40));
    }

    [Test]
    public async Task The_double_refuses_what_the_schema_refuses_and_names_the_parameter()
    {
        using var cluster = new Cluster(holdsRequests: false);
        Schema("9.1");
        var answer = await cluster.Send("POST", "/nodes/pve1/qemu", ("vmid", "100"), ("cores", "none"));
        Assert.That(((int)answer.Status, answer.Reason), Is.EqualTo((400, "Parameter verification failed.")));
        Assert.That(answer.Errors!["cores"]!.ToString(), Is.EqualTo("type check ('integer') failed - got 'none'"));
    }

    [Test]
    public void The_double_runs_without_any_description()
    {
        var cloud = new ProxmoxCloud(TimeProvider.System);
        Assert.That(cloud.Handle(Request("GET /version", "")).Status, Is.EqualTo(200));
        Assert.That(cloud.Handle(Request("GET /nodes/pve1/qemu/100/config", "")).Status, Is.EqualTo(500));
    }

    private static ApiSchema Schema(string release) => Schemas.For(release) ?? throw SharedFolder.Missing("seeds", "the reference folder has no specs/proxmox");

    private static Dictionary<string, string> Path(string operation) =>
        operation.Split('/').Where(p => p.StartsWith('{')).ToDictionary(p => p[1..^1], p => p switch { "{vmid}" => "100", "{group}" => "web", "{vnet}" => "net1", "{storage}" => "shared", _ => "pve1" });

    private static CloudRequest Request(string operation, string form)
    {
        var (method, path) = (operation.Split(' ')[0], operation.Split(' ')[1]);
        var body = method is "POST" or "PUT";
        return new CloudRequest
        {
            Method = method,
            Path = "/api2/json" + path,
            Query = body ? [] : CloudRequest.ParseQuery(form),
            Body = Encoding.UTF8.GetBytes(body ? form : ""),
        };
    }
}
