using System.Globalization;
using System.Net;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>The firewall: of the data centre, security groups, and of each machine.</summary>
public sealed partial class ProxmoxCloud
{
    private static readonly string[] RuleFields = ["type", "action", "macro", "source", "dest", "proto", "dport", "sport", "icmp-type", "iface", "log", "comment", "enable"];
    private static readonly ImmutableHashSet<string> WithPorts = ["tcp", "6", "udp", "17", "dccp", "33", "sctp", "132", "udplite", "136"];
    private readonly Firewall _cluster = new();
    private readonly SortedDictionary<string, Group> _groups = new(StringComparer.Ordinal);

    private void AddFirewallRoutes()
    {
        AddFirewall("/cluster/firewall", "/", r => _cluster, _ => { });
        AddFirewall("/nodes/{node}/qemu/{vmid}/firewall", "/vms/{vmid}", r => MachineAt(r).Firewall, r => MachineAt(r).Revision = Touched());
        _routes.Add("GET", "/cluster/firewall", null, _ => Index("options", "rules", "groups", "ipset", "aliases", "refs", "macros"));
        _routes.Add("GET", "/nodes/{node}/qemu/{vmid}/firewall", null, r => { MachineAt(r); return Index("options", "rules", "ipset", "aliases", "refs", "log"); });
        _routes.Add("GET", "/cluster/firewall/groups", null, _ =>
        {
            var digest = Digest(string.Join(';', _groups.Select(g => g.Key + g.Value.Comment)));
            return new JsonArray([.. _groups.Select(g => (JsonNode)Described(new JsonObject { ["group"] = g.Key, ["digest"] = digest }, g.Value.Comment))]);
        });
        _routes.Add("POST", "/cluster/firewall/groups", "/ Sys.Modify", MakeGroup);
        _routes.Add("DELETE", "/cluster/firewall/groups/{group}", "/ Sys.Modify", DropGroup);
        AddRules("/cluster/firewall/groups/{group}", "/", r => GroupOf(r).Rules, r => GroupOf(r).Revision = Touched());
        _routes.Add("GET", "/cluster/firewall/macros", null, _ => new JsonArray(new JsonObject { ["macro"] = "SSH", ["descr"] = "Secure shell traffic" }, new JsonObject { ["macro"] = "HTTP", ["descr"] = "Hypertext Transfer Protocol (WWW)" }));
    }

    private void AddFirewall(string path, string rights, Func<PveRequest, Firewall> of, Action<PveRequest> touch)
    {
        var (audit, change) = rights == "/" ? ("/ Sys.Audit", "/ Sys.Modify") : (rights + " VM.Audit", rights + " VM.Config.Network");
        _routes.Add("GET", path + "/options", audit, r => ShowOptions(of(r)));
        _routes.Add("PUT", path + "/options", change, r =>
        {
            CheckDigest(r, DigestOf(of(r).Options));
            Change(of(r).Options, r, ["node", "vmid", "digest", "delete"]);
            touch(r);
            return null;
        });
        AddRules(path + "/rules", rights, r => of(r).Rules, touch);
        _routes.Add("GET", path + "/ipset", audit, r =>
        {
            var digest = Digest(string.Join(';', of(r).IpSets.Keys));
            return new JsonArray([.. of(r).IpSets.Select(s => (JsonNode)Described(new JsonObject { ["name"] = s.Key, ["digest"] = digest }, s.Value.Comment))]);
        });
        _routes.Add("POST", path + "/ipset", change, r => { MakeSet(r, of(r)); touch(r); return null; });
        _routes.Add("DELETE", path + "/ipset/{name}", change, r =>
        {
            if (SetOf(r, of(r)).Entries.Count > 0 && !r.Flag("force"))
                throw PveError.Failed($"IPSet '{r.Text("name")}' is not empty");
            of(r).IpSets.Remove(r.Text("name"));
            touch(r);
            return null;
        });
        _routes.Add("GET", path + "/ipset/{name}", audit, r =>
        {
            var entries = SetOf(r, of(r)).Entries;
            var digest = Digest(string.Join(';', entries.Values.Select(e => e.ToJsonString())));
            return new JsonArray([.. entries.Values.Select(e => { var shown = (JsonObject)e.DeepClone(); shown["digest"] = digest; return (JsonNode)shown; })]);
        });
        _routes.Add("POST", path + "/ipset/{name}", change, r => { AddEntry(r, of(r)); touch(r); return null; });
        _routes.Add("GET", path + "/ipset/{name}/{cidr}", audit, r => EntryOf(r, of(r)).DeepClone());
        _routes.Add("PUT", path + "/ipset/{name}/{cidr}", change, r =>
        {
            var entry = EntryOf(r, of(r));
            if (r.Find("comment") is { } comment)
                entry["comment"] = comment;
            if (r.Has("nomatch"))
                entry["nomatch"] = r.Flag("nomatch") ? 1 : 0;
            SetOf(r, of(r)).Revision = Touched();
            touch(r);
            return null;
        });
        _routes.Add("DELETE", path + "/ipset/{name}/{cidr}", change, r =>
        {
            // What isn't in the set is as good as taken out.
            SetOf(r, of(r)).Entries.Remove(r.Text("cidr"));
            SetOf(r, of(r)).Revision = Touched();
            touch(r);
            return null;
        });
        AddAliases(path + "/aliases", audit, change, of, touch);
        _routes.Add("GET", path + "/refs", null, r => new JsonArray([.. of(r).IpSets.Select(s => (JsonNode)new JsonObject { ["type"] = "ipset", ["name"] = s.Key, ["ref"] = "+" + s.Key, ["scope"] = rights == "/" ? "dc" : "guest" })]));
    }

    private void AddRules(string path, string rights, Func<PveRequest, List<JsonObject>> of, Action<PveRequest> touch)
    {
        var (audit, change) = rights == "/" ? ("/ Sys.Audit", "/ Sys.Modify") : (rights + " VM.Audit", rights + " VM.Config.Network");
        // Everybody may see what a security group lets in.
        _routes.Add("GET", path, path.Contains("groups", StringComparison.Ordinal) ? null : audit, r => ShowRules(of(r)));
        _routes.Add("POST", path, change, r =>
        {
            var rules = of(r);
            CheckDigest(r, DigestOf(rules));
            var rule = new JsonObject();
            TakeFields(rule, r);
            rule["enable"] = r.Number("enable") ?? 0;
            CheckRule(rule, rights == "/" ? _cluster : MachineAt(r).Firewall);
            // New rules come first, whatever position is asked for.
            rules.Insert(0, rule);
            touch(r);
            return null;
        });
        _routes.Add("GET", path + "/{pos}", path.Contains("groups", StringComparison.Ordinal) ? null : audit, r => Positioned(of(r), PositionOf(r, of(r))));
        _routes.Add("PUT", path + "/{pos}", change, r =>
        {
            var rules = of(r);
            CheckDigest(r, DigestOf(rules));
            var at = PositionOf(r, rules);
            if (r.Number("moveto") is { } to)
            {
                var moved = rules[at];
                rules.RemoveAt(at);
                rules.Insert((int)Math.Min(to > at ? to - 1 : to, rules.Count), moved);
            }
            else
            {
                var changed = (JsonObject)rules[at].DeepClone();
                foreach (var name in PveRequest.Split(r.Find("delete")))
                    changed.Remove(name);
                TakeFields(changed, r);
                CheckRule(changed, rights == "/" ? _cluster : MachineAt(r).Firewall);
                rules[at] = changed;
            }

            touch(r);
            return null;
        });
        _routes.Add("DELETE", path + "/{pos}", change, r =>
        {
            CheckDigest(r, DigestOf(of(r)));
            of(r).RemoveAt(PositionOf(r, of(r)));
            touch(r);
            return null;
        });
    }

    private void AddAliases(string path, string audit, string change, Func<PveRequest, Firewall> of, Action<PveRequest> touch)
    {
        _routes.Add("GET", path, audit, r => new JsonArray([.. of(r).Aliases.Values.Select(a => { var shown = (JsonObject)a.DeepClone(); shown["digest"] = Digest(string.Join(';', of(r).Aliases.Keys)); return (JsonNode)shown; })]));
        _routes.Add("POST", path, change, r =>
        {
            if (!of(r).Aliases.TryAdd(r.Text("name"), Described(new JsonObject { ["name"] = r.Text("name"), ["cidr"] = r.Text("cidr") }, r.Find("comment"))))
                throw PveError.Parameter("name", $"alias '{r.Text("name")}' already exists");
            touch(r);
            return null;
        });
        _routes.Add("GET", path + "/{name}", audit, r => of(r).Aliases.TryGetValue(r.Text("name"), out var alias) ? alias.DeepClone() : throw PveError.Parameter("name", "no such alias"));
        _routes.Add("PUT", path + "/{name}", change, r =>
        {
            if (!of(r).Aliases.Remove(r.Text("name"), out var alias))
                throw PveError.Parameter("name", "no such alias");
            alias["cidr"] = r.Text("cidr");
            alias["name"] = r.Find("rename") ?? r.Text("name");
            of(r).Aliases[alias["name"]!.ToString()] = Described(alias, r.Find("comment"));
            touch(r);
            return null;
        });
        _routes.Add("DELETE", path + "/{name}", change, r => { of(r).Aliases.Remove(r.Text("name")); touch(r); return null; });
    }

    private static JsonObject Described(JsonObject item, string? comment)
    {
        if (comment is not null)
            item["comment"] = comment;
        return item;
    }

    private static string DigestOf(SortedDictionary<string, string> options) => Digest(string.Join('\n', options.Select(o => $"{o.Key}: {o.Value}")));

    private static string DigestOf(List<JsonObject> rules) => Digest(string.Join('\n', rules.Select(r => r.ToJsonString())));

    private static void CheckDigest(PveRequest r, string digest)
    {
        if (r.Find("digest") is { } seen && seen != digest)
            throw PveError.Failed("detected modified configuration - file changed by other user? Try again.");
    }

    private static JsonNode ShowOptions(Firewall firewall)
    {
        var shown = new JsonObject(firewall.Options.Select(o => KeyValuePair.Create(o.Key, (JsonNode?)o.Value)));
        foreach (var name in (string[])["enable", "dhcp", "ipfilter", "macfilter", "ndp", "radv", "ebtables"])
            if (firewall.Options.TryGetValue(name, out var text))
                shown[name] = long.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : PveRequest.IsTrue(text) ? 1 : 0;
        shown["digest"] = DigestOf(firewall.Options);
        return shown;
    }

    private static JsonNode ShowRules(List<JsonObject> rules) => new JsonArray([.. rules.Select((_, i) => (JsonNode)Positioned(rules, i))]);

    private static JsonObject Positioned(List<JsonObject> rules, int at)
    {
        var shown = (JsonObject)rules[at].DeepClone();
        shown["pos"] = at;
        shown["digest"] = DigestOf(rules);
        return shown;
    }

    private static int PositionOf(PveRequest r, List<JsonObject> rules) =>
        r.Number("pos") is { } at && at < rules.Count ? (int)at : throw PveError.Failed($"no rule at position {r.Find("pos")}");

    private static void TakeFields(JsonObject rule, PveRequest r)
    {
        foreach (var name in RuleFields)
            if (r.Find(name) is { } value)
                rule[name] = name == "enable" ? long.Parse(value, CultureInfo.InvariantCulture) : value;
    }

    private void CheckRule(JsonObject rule, Firewall scope)
    {
        var type = rule["type"]!.ToString();
        if (type == "group")
            return;
        if (rule["action"]?.ToString() is not ("ACCEPT" or "DROP" or "REJECT") and var action)
            throw PveError.Parameter("action", $"unknown action '{action}'");
        var protocol = rule["proto"]?.ToString().ToLowerInvariant();
        foreach (var port in (string[])["dport", "sport"])
        {
            if (rule[port] is null)
                continue;
            if (protocol is null && rule["macro"] is null)
                throw PveError.Parameter("proto", $"missing property - '{port}' requires this property");
            if (protocol is not null && !WithPorts.Contains(protocol) && !protocol.Contains("icmp", StringComparison.Ordinal))
                throw PveError.Parameter(port, $"protocol '{protocol}' does not support ports");
        }

        foreach (var side in (string[])["source", "dest"])
            if (rule[side]?.ToString() is { } text)
                CheckAddresses(side, text, scope);
    }

    private void CheckAddresses(string side, string text, Firewall scope)
    {
        var families = new HashSet<bool>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var name = part.TrimStart('+').Replace("dc/", "", StringComparison.Ordinal).Replace("guest/", "", StringComparison.Ordinal);
            if (part.StartsWith('+'))
            {
                if (!scope.IpSets.ContainsKey(name) && !_cluster.IpSets.ContainsKey(name))
                    throw PveError.Parameter(side, $"no such ipset '{name}'");
            }
            else if (char.IsAsciiLetter(part[0]) && !part.Contains(':', StringComparison.Ordinal))
            {
                if (!scope.Aliases.ContainsKey(name) && !_cluster.Aliases.ContainsKey(name))
                    throw PveError.Parameter(side, $"no such alias '{name}'");
            }
            else
            {
                families.Add(part.Contains(':', StringComparison.Ordinal));
            }
        }

        if (families.Count > 1)
            throw PveError.Parameter(side, "detected mixed ipv4/ipv6 addresses in address list");
    }

    private Group GroupOf(PveRequest r) => _groups.TryGetValue(r.Text("group"), out var group) ? group : throw PveError.Failed($"no such security group '{r.Text("group")}'");

    private JsonNode? MakeGroup(PveRequest r)
    {
        var name = r.Text("group");
        if (r.Find("rename") is { } old)
        {
            if (!_groups.Remove(old, out var group))
                throw PveError.Parameter("group", $"Security group '{old}' does not exist");
            group.Comment = r.Find("comment") ?? group.Comment;
            group.Revision = Touched();
            _groups[name] = group;
            return null;
        }

        if (!_groups.TryAdd(name, new Group { Comment = r.Find("comment"), Revision = Touched() }))
            throw PveError.Parameter("group", $"Security group '{name}' already exists");
        return null;
    }

    private JsonNode? DropGroup(PveRequest r)
    {
        if (!_groups.TryGetValue(r.Text("group"), out var group))
            return null;
        // Rules of its own hold it, rules that name it don't.
        if (group.Rules.Count > 0)
            throw PveError.Failed($"Security group '{r.Text("group")}' is not empty");
        _groups.Remove(r.Text("group"));
        return null;
    }

    private static IpSet SetOf(PveRequest r, Firewall firewall) => firewall.IpSets.TryGetValue(r.Text("name"), out var set) ? set : throw PveError.Failed($"no such IPSet '{r.Text("name")}'");

    private void MakeSet(PveRequest r, Firewall firewall)
    {
        var name = r.Text("name");
        if (r.Find("rename") is { } old)
        {
            if (!firewall.IpSets.Remove(old, out var set))
                throw PveError.Parameter("name", $"IPSet '{old}' does not exist");
            set.Comment = r.Find("comment") ?? set.Comment;
            firewall.IpSets[name] = set;
        }
        else if (!firewall.IpSets.TryAdd(name, new IpSet { Comment = r.Find("comment"), Revision = Touched() }))
        {
            throw PveError.Parameter("name", $"IPSet '{name}' already exists");
        }
    }

    private void AddEntry(PveRequest r, Firewall firewall)
    {
        var (set, cidr) = (SetOf(r, firewall), r.Text("cidr"));
        if (cidr.StartsWith("0.0.0.0/0", StringComparison.Ordinal) || cidr == "::/0")
            throw PveError.Failed("Could not add a zero prefix to an ipset");
        if (cidr.Contains('/', StringComparison.Ordinal) && !IPNetwork.TryParse(cidr, out _))
            throw PveError.Parameter("cidr", "value does not look like a valid network configuration");
        var entry = Described(new JsonObject { ["cidr"] = cidr }, r.Find("comment"));
        if (r.Flag("nomatch"))
            entry["nomatch"] = 1;
        if (!set.Entries.TryAdd(cidr, entry))
            throw PveError.Parameter("cidr", $"address '{cidr}' already exists");
        set.Revision = Touched();
    }

    private static JsonObject EntryOf(PveRequest r, Firewall firewall) =>
        SetOf(r, firewall).Entries.TryGetValue(r.Text("cidr"), out var entry) ? entry : throw PveError.Parameter("cidr", "no such IP/Network");
}
