using System.Text.Json.Nodes;
using System.Xml.Linq;
using Datum.Providers.Clouds.Vsphere;
using static Datum.Providers.Clouds.Vsphere.Soap;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>Portgroups, listings and the REST side.</summary>
public sealed class NetworkTests : BackendTest
{
    private const string Tagging = "rest/com/vmware/cis/tagging/";

    [Test]
    public void A_portgroup_is_made_and_its_name_can_t_be_taken_twice()
    {
        var made = Visitor.Run("CreateDVPortgroup_Task", Switch, Spec("net-1", 5))!;
        Assert.That(FaultOf(() => Bare.Run("CreateDVPortgroup_Task", Switch, Spec("net-2", 5))), Is.EqualTo("MethodNotFound"));
        Assert.That(Visitor.Read(made, "config")["config"].Get("defaultPortConfig")!.Get("vlan")!.Text("vlanId"), Is.EqualTo("5"));
        Assert.That(FaultOf(() => Visitor.Run("CreateDVPortgroup_Task", Switch, Spec("net-1", 6))), Is.EqualTo("DuplicateName"));
        Assert.That(Cloud.Portgroups.Single(p => p.Name == "net-1").Description, Is.EqualTo("words"));
        Visitor.Run("Destroy_Task", made);
        Assert.That(Cloud.Portgroups.Select(p => p.Name), Has.None.EqualTo("net-1"));
    }

    [Test]
    public void What_a_change_of_a_portgroup_doesn_t_name_stays_where_vcsim_empties_it()
    {
        var (one, two) = (Visitor.Run("CreateDVPortgroup_Task", Switch, Spec("one", 5))!, Visitor.Run("CreateDVPortgroup_Task", Switch, Spec("two", 5))!);
        var version = Visitor.Read(one, "config")["config"].Text("configVersion");
        Visitor.Run("ReconfigureDVPortgroup_Task", one, Element("spec", Element("configVersion", version), Element("description", "new words")));
        Bare.Run("ReconfigureDVPortgroup_Task", two, Element("spec", Element("configVersion", "nonsense"), Element("description", "new words")));
        Assert.That(Visitor.Read(one, "config")["config"].Get("defaultPortConfig")!.Get("vlan")!.Text("vlanId"), Is.EqualTo("5"));
        Assert.That(Bare.Read(two, "config")["config"].Get("defaultPortConfig"), Is.Null);
        Assert.That(FaultOf(() => Visitor.Run("ReconfigureDVPortgroup_Task", one, Element("spec", Element("configVersion", version), Element("description", "old")))), Is.EqualTo("ConcurrentAccess"));
    }

    [Test]
    public void A_portgroup_in_use_stays_where_vcsim_drops_it()
    {
        var portgroup = Cloud.MakePortgroup("net-1");
        var machine = Cloud.MakeMachine("user", portgroup: portgroup);
        Assert.That(FaultOf(() => Visitor.Run("Destroy_Task", portgroup)), Is.EqualTo("ResourceInUse"));
        Bare.Run("Destroy_Task", portgroup);
        Assert.That(Cloud.Portgroups.Select(p => p.Name), Has.None.EqualTo("net-1"));
        Assert.That(Cloud.Vanish(machine), Is.True);
    }

    [Test]
    public void A_listing_comes_in_pages_where_vcsim_gives_all_at_once()
    {
        foreach (var name in (string[])["a", "b", "c"])
            Cloud.MakeMachine(name);
        Assert.That(Visitor.Objects(Bare.ListMachines(2)).Count(), Is.EqualTo(5));
        var names = new List<string>();
        var answer = Visitor.ListMachines(2);
        for (var pages = 1; ; pages++)
        {
            names.AddRange(Visitor.Objects(answer).Select(o => o.Get("propSet")!.Text("val")!));
            if (answer.Get("returnval")!.Text("token") is not { } token)
            {
                Assert.That(pages, Is.EqualTo(3));
                break;
            }

            answer = Visitor.Call("ContinueRetrievePropertiesEx", new MoRef("PropertyCollector", "propertyCollector"), Element("token", token));
        }

        Assert.That(names, Is.EquivalentTo((string[])["a", "b", "c", .. Inventory.Templates]));
        Assert.That(FaultOf(() => Visitor.Call("ContinueRetrievePropertiesEx", new MoRef("PropertyCollector", "propertyCollector"), Element("token", "old"))), Is.EqualTo("InvalidArgument"));
    }

    [Test]
    public void A_listing_may_be_late_and_properties_unreadable()
    {
        Cloud.Knobs = new VsphereKnobs { ListLag = TimeSpan.FromSeconds(5) };
        var made = Clone();
        Assert.That(Visitor.Objects(Visitor.ListMachines()).Count(), Is.EqualTo(2));
        Assert.That(Visitor.Find($"{Inventory.Datacenter}/vm/m"), Is.Null);
        Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.That(Visitor.Find($"{Inventory.Datacenter}/vm/m"), Is.EqualTo(made));
        Cloud.Knobs = new VsphereKnobs { Unreadable = [made.Value] };
        var item = Visitor.Objects(Visitor.ListMachines()).Single(o => o.Text("obj") == made.Value);
        Assert.That((item.Get("propSet"), item.Get("missingSet")!.Text("path")), Is.EqualTo(((XElement?)null, "name")));
    }

    [Test]
    public void Tags_are_made_attached_listed_and_go_with_their_object()
    {
        Assert.That(Bare.Rest("GET", Tagging + "tag").Body!["value"], Is.Null);
        Assert.That(Visitor.Rest("GET", Tagging + "tag").Body!["value"]!.AsArray(), Is.Empty);
        var category = Visitor.Rest("POST", Tagging + "category", new JsonObject
        {
            ["create_spec"] = new JsonObject { ["name"] = "datum", ["description"] = "", ["cardinality"] = "MULTIPLE", ["associable_types"] = new JsonArray(), ["category_id"] = "" },
        }).Body!["value"]!.ToString();
        var spec = new JsonObject { ["create_spec"] = new JsonObject { ["name"] = "conf1", ["description"] = "", ["category_id"] = category, ["tag_id"] = "" } };
        var tag = Visitor.Rest("POST", Tagging + "tag", spec).Body!["value"]!.ToString();
        var again = Visitor.Rest("POST", Tagging + "tag", spec.DeepClone());
        Assert.That((again.Status, again.Body!["type"]!.ToString()), Is.EqualTo((400, "com.vmware.vapi.std.errors.already_exists")));
        var machine = Clone();
        Assert.That(Attach(Visitor, tag, new MoRef("VirtualMachine", "vm-999999")).Status, Is.EqualTo(404));
        Assert.That(Attach(Bare, tag, new MoRef("VirtualMachine", "vm-999999")).Status, Is.EqualTo(200));
        Assert.That(Attach(Visitor, tag, machine).Status, Is.EqualTo(200));
        Assert.That(Cloud.Machines.Single(m => m.Reference == machine).Tags, Is.EqualTo(new[] { "conf1" }));
        Visitor.Run("Destroy_Task", machine);
        Assert.That(Visitor.Rest("POST", $"{Tagging}tag-association/id:{tag}?~action=list-attached-objects").Body!["value"]!.AsArray().Select(o => o!["id"]!.ToString()), Has.None.EqualTo(machine.Value));
        Assert.That(Visitor.Rest("GET", Tagging + "tag/id:nope").Body!["type"]!.ToString(), Is.EqualTo("com.vmware.vapi.std.errors.not_found"));
    }

    [Test]
    public void The_REST_side_asks_for_the_right_password_and_can_be_down()
    {
        using var wrong = Visitor.AtBare(SharedVcsim.Process);
        Assert.That(wrong.Rest("GET", Tagging + "tag", password: "wrong").Status, Is.EqualTo(200));
        using var refused = Visitor.At(Cloud);
        Assert.That(refused.Rest("GET", Tagging + "tag", password: "wrong").Status, Is.EqualTo(401));
        Assert.That(Visitor.Rest("GET", Tagging + "tag").Status, Is.EqualTo(200));
        Cloud.Knobs = new VsphereKnobs { RestDown = true };
        Assert.That(Visitor.Rest("GET", Tagging + "tag").Status, Is.EqualTo(503));
        Cloud.Knobs = new VsphereKnobs();
        Cloud.ExpireSessions();
        Assert.That(Visitor.Rest("GET", Tagging + "tag").Status, Is.EqualTo(401));
    }

    [Test]
    public void A_user_moves_copies_and_strips_what_the_driver_made()
    {
        var machine = Clone("m", Option("datum.uid", "u1"));
        var copy = Cloud.Copy(machine, "copy");
        Assert.That(Cloud.Machines.Count(m => m.Options.GetValueOrDefault("datum.uid") == "u1"), Is.EqualTo(2));
        Assert.That(Cloud.MoveTo(copy, "elsewhere"), Is.True);
        Assert.That(Cloud.Machines.Single(m => m.Reference == copy).Folder, Is.EqualTo(Cloud.Folders["elsewhere"]));
        var host = Cloud.Migrate(machine);
        Assert.That(Cloud.Machines.Single(m => m.Reference == machine).Host, Is.EqualTo(host));
        var before = Cloud.Machines.Single(m => m.Reference == machine).Revision;
        Assert.That(Cloud.SetOption(machine, "datum.uid", ""), Is.True);
        Assert.That(Cloud.Machines.Single(m => m.Reference == machine).Options.Keys, Has.None.EqualTo("datum.uid"));
        Assert.That(Cloud.Machines.Single(m => m.Reference == machine).Revision, Is.Not.EqualTo(before));
        Assert.That(Cloud.Vanish(copy), Is.True);
        Assert.That(Cloud.Vanish(copy), Is.False);
    }

    private MoRef Switch => Visitor.Find($"{Inventory.Datacenter}/network/{Inventory.Switch}")!;

    private static XElement Spec(string name, int vlan) => Element("spec", Element("name", name), Element("numPorts", "8"),
        Element("defaultPortConfig", Type("VMwareDVSPortSetting"), Element("vlan", Type("VmwareDistributedVirtualSwitchVlanIdSpec"), Element("inherited", "false"), Element("vlanId", $"{vlan}"))),
        Element("description", "words"), Element("type", "earlyBinding"), Element("autoExpand", "true"));

    private static (int Status, JsonNode? Body) Attach(Visitor visitor, string tag, MoRef target) => visitor.Rest("POST", $"{Tagging}tag-association/id:{tag}?~action=attach",
        new JsonObject { ["object_id"] = new JsonObject { ["id"] = target.Value, ["type"] = target.Type } });
}
