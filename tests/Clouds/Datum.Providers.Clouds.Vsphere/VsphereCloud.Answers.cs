using System.Globalization;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>Reading: pages, tasks of ours among the objects, and what vcsim's answers lack.</summary>
public sealed partial class VsphereCloud
{
    private static readonly MoRef Collector = new("PropertyCollector", "propertyCollector");

    private readonly Dictionary<string, List<XElement>> _pages = new(StringComparer.Ordinal);
    private readonly Dictionary<MoRef, DateTimeOffset> _born = [];
    private readonly Dictionary<MoRef, int> _versions = [];

    private XElement Retrieve(SoapCall call)
    {
        Expand(call);
        var objects = new List<XElement>();
        var listing = call.Body.Descendants(Soap.Vim + "selectSet").Any();
        var asked = call.Body.Descendants(Soap.Vim + "pathSet").Where(p => p.Parent!.Name.LocalName == "propSet").Select(p => p.Value).ToHashSet(StringComparer.Ordinal);
        foreach (var spec in call.Body.All("specSet").ToList())
        {
            foreach (var set in spec.All("objectSet").ToList())
            {
                if (MoRef.Of(set.Get("obj")!) is not { Type: "Task" } task)
                    continue;
                var work = FindTask(task) ?? throw Fault("ManagedObjectNotFound", task.As("obj"));
                objects.Add(TaskObject(work, spec));
                set.Remove();
            }

            if (!spec.All("objectSet").Any())
                spec.Remove();
        }

        if (call.Body.All("specSet").Any())
            objects.AddRange(call.Operation == "RetrieveProperties" ? Pass(call).All("returnval") : Pass(call).Get("returnval")?.All("objects") ?? []);
        objects = [.. objects.Where(o => !listing || !IsLate(MoRef.Of(o.Get("obj")!))).Select(o => new XElement(o))];
        foreach (var item in objects)
            if (call.Anonymous)
                Conceal(item, "NotAuthenticated");
            else
                Mend(item, asked);
        if (call.Operation == "RetrieveProperties")
            return Response(call.Operation, objects.Select(o => new XElement(o) { Name = Soap.Vim + "returnval" }));
        return Page(call.Operation, objects, int.TryParse(call.Body.Get("options")?.Text("maxObjects"), CultureInfo.InvariantCulture, out var most) ? most : int.MaxValue);
    }

    private XElement Page(string operation, List<XElement> objects, int most)
    {
        most = Math.Max(1, Math.Min(most, Knobs.PageSize ?? int.MaxValue));
        // Nothing found is an answer without a result.
        if (objects.Count == 0)
            return Response(operation);
        var result = Soap.Element("returnval");
        if (objects.Count > most)
        {
            var token = $"page-{++_made}-{most}";
            _pages[token] = objects[most..];
            result.Add(Soap.Element("token", token));
        }

        result.Add(objects.Take(most).Select(o => new XElement(o) { Name = Soap.Vim + "objects" }));
        return Response(operation, result);
    }

    private XElement Continue(SoapCall call)
    {
        var token = call.Need("token").Value;
        if (!_pages.Remove(token, out var rest))
            throw new VimFault("InvalidArgument", "A specified parameter was not correct: token", Soap.Element("invalidProperty", "token"));
        return Page(call.Operation, rest, int.Parse(token[(token.LastIndexOf('-') + 1)..], CultureInfo.InvariantCulture));
    }

    private XElement CancelRetrieve(SoapCall call)
    {
        _pages.Remove(call.Need("token").Value);
        return Response(call.Operation);
    }

    private XElement TaskObject(Work work, XElement spec)
    {
        var item = Soap.Element("objects", work.Ref.As("obj"));
        var info = Info(work);
        foreach (var set in spec.All("propSet").Where(p => p.Text("type") == "Task"))
        {
            var paths = set.Text("all") is "true" or "1" ? ["info"] : set.All("pathSet").Select(p => p.Value);
            foreach (var path in paths)
            {
                var found = path == "info" ? info : path.StartsWith("info.", StringComparison.Ordinal) ? info.Get(path[5..]) : null;
                if (found is null)
                    continue;
                var value = new XElement(found) { Name = Soap.Vim + "val" };
                if (Soap.TypeOf(value) is null)
                    value.Add(Soap.Type(path[(path.IndexOf('.', StringComparison.Ordinal) + 1)..] switch
                    {
                        "state" => "TaskInfoState",
                        "error" => "LocalizedMethodFault",
                        "task" or "entity" => "ManagedObjectReference",
                        "progress" or "eventChainId" => "xsd:int",
                        "cancelled" or "cancelable" => "xsd:boolean",
                        "queueTime" or "startTime" or "completeTime" => "xsd:dateTime",
                        _ => "xsd:string",
                    }));
                item.Add(Soap.Element("propSet", Soap.Element("name", path), value));
            }
        }

        return item;
    }

    private bool IsLate(MoRef target) => _born.TryGetValue(target, out var born) && born + Knobs.ListLag > Now;

    private XElement FindOne(SoapCall call)
    {
        var answer = Pass(call);
        if (answer.Get("returnval") is { } found && IsLate(MoRef.Of(found)))
            found.Remove();
        return answer;
    }

    private XElement FindAllByUuid(SoapCall call)
    {
        var path = call.Body.Text("instanceUuid") == "true" ? "config.instanceUuid" : "config.uuid";
        var wanted = call.Need("uuid").Value;
        return Response(call.Operation, _vcsim.ReadMany("VirtualMachine", _vcsim.List("VirtualMachine"), path)
            .Where(m => !IsLate(m.Key) && m.Value.TryGetValue(path, out var id) && id.Value == wanted).Select(m => m.Key.As("returnval")));
    }

    private void Mend(XElement item, HashSet<string> asked)
    {
        var target = MoRef.Of(item.Get("obj")!);
        Identify(item);
        if (target.Type == "VirtualMachine" && (Knobs.Unreadable.Contains(target.Value) || Knobs.Unreadable.Contains("*")))
        {
            Conceal(item, "HostNotConnected");
            return;
        }

        foreach (var set in item.All("propSet"))
        {
            var value = set.Get("val")!;
            switch (target.Type, set.Text("name"))
            {
                case ("VirtualMachine", "config"):
                    Fold(value, "extraConfig");
                    if (value.Get("changeVersion") is { } version)
                        version.Value = Version(target);
                    break;
                case ("VirtualMachine", "config.extraConfig"):
                    Fold(value, "OptionValue");
                    break;
                case ("VirtualMachine", "runtime") when _questions.TryGetValue(target, out var open):
                    value.Add(Question("question", open.Id));
                    break;
                case ("DistributedVirtualPortgroup", "config"):
                    value.Get("configVersion")?.Remove();
                    (value.All("policy").Concat(value.All("type")).FirstOrDefault() ?? value.Elements().Last()).AddAfterSelf(Soap.Element("configVersion", Version(target)));
                    break;
                case ("DistributedVirtualPortgroup", "vm"):
                    value.RemoveNodes();
                    value.Add(UsersOf(target).Select(u => u.As("ManagedObjectReference")));
                    break;
                default:
                    break;
            }
        }

        // vcsim leaves out what it never sets.
        if (target.Type == "VirtualMachine" && asked.Contains("config.changeVersion"))
            item.Add(Soap.Element("propSet", Soap.Element("name", "config.changeVersion"), Soap.Element("val", Soap.Type("xsd:string"), Version(target))));
        if (target.Type == "DistributedVirtualPortgroup" && asked.Contains("config.configVersion"))
            item.Add(Soap.Element("propSet", Soap.Element("name", "config.configVersion"), Soap.Element("val", Soap.Type("xsd:string"), Version(target))));
        if (_questions.TryGetValue(target, out var question) && asked.Contains("runtime.question"))
            item.Add(Soap.Element("propSet", Soap.Element("name", "runtime.question"), Question("val", question.Id)));
    }

    private static void Conceal(XElement item, string fault)
    {
        foreach (var set in item.All("propSet").ToList())
            set.ReplaceWith(Soap.Element("missingSet", Soap.Element("path", set.Text("name")),
                Soap.Element("fault", Soap.Element("fault", Soap.Type(fault)), Soap.Element("localizedMessage", Words.Of(fault)))));
    }

    private string Version(MoRef target) => _versions.GetValueOrDefault(target, 1).ToString(CultureInfo.InvariantCulture);

    // vcsim keeps every value that was ever written; the last of a key counts, and an empty one removes it.
    private static void Fold(XElement list, string name)
    {
        var last = new Dictionary<string, XElement>(StringComparer.Ordinal);
        foreach (var option in list.All(name))
            last[option.Text("key")!] = option;
        foreach (var option in list.All(name).ToList())
            if (last[option.Text("key")!] != option || option.Text("value") is null or "")
                option.Remove();
    }

    private static Dictionary<string, string> Options(XElement? config)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var option in config?.All("extraConfig") ?? [])
            if (option.Text("value") is { Length: > 0 } value)
                all[option.Text("key")!] = value;
            else
                all.Remove(option.Text("key")!);
        return all;
    }

    private static XElement Question(string name, string id) => Soap.Element(name, Soap.Type("VirtualMachineQuestionInfo"), Soap.Element("id", id),
        Soap.Element("text", "msg.uuid.altered: This virtual machine might have been moved or copied."),
        Soap.Element("choice", Soap.Element("choiceInfo", Soap.Type("ElementDescription"), Soap.Element("label", "I Copied It"), Soap.Element("summary", "I Copied It"), Soap.Element("key", "2"))));
}
