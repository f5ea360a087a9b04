namespace Datum.Providers.DevPlane.Tests;

/// <summary>One call of kubectl; {ns} stands for the case's own namespace, which is added with -n.</summary>
public sealed record Call(string Arguments, string? Input = null, string? Editor = null);

/// <summary>What kubectl must do alike on both servers: exit code, output and errors.</summary>
internal static class KubectlCases
{
    private const string A = """{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{"name":"a","labels":{"x":"1"}},"spec":{"size":3}}""";
    private const string B = """{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{"name":"b"},"spec":{"size":2,"mode":"b"}}""";
    private const string Gadget = """{"apiVersion":"scale.example.com/v1","kind":"Gadget","metadata":{"name":"g"},"spec":{"replicas":2}}""";
    private const string Map = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"b","long":"one\ntwo\n"}}""";

    /// <summary>kubectl describes the keys of a map in no order: one key.</summary>
    private const string OneKeyMap = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"long":"one\ntwo\n"}}""";

    private const string Secret = """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"a":"b"}}""";
    private const string Lease = """{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l"},"spec":{"holderIdentity":"me","leaseDurationSeconds":15}}""";
    private const string Event = """{"apiVersion":"v1","kind":"Event","metadata":{"name":"e"},"involvedObject":{"apiVersion":"test.example.com/v1","kind":"Widget","name":"a","namespace":"{ns}"},"reason":"Tested","message":"it was tested","type":"Normal","count":1,"firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T00:00:00Z","source":{"component":"tests"}}""";

    public static IEnumerable<TestCaseData> All()
    {
        foreach (var (name, calls) in Gets().Concat(Describes()).Concat(Waits()).Concat(Explains()).Concat(Writes()).Concat(Edits()).Concat(Deletes()).Concat(BuiltIn()))
        {
            yield return new TestCaseData((object)calls) { TestName = "kubectl_says_the_same_of_both_servers: " + name };
        }
    }

    private static Call Two => new("create -f -", A + B);

    private static (string, Call[]) On(string name, Call first, params string[] calls) => (name, [first, .. calls.Select(c => new Call(c))]);

    private static IEnumerable<(string Name, Call[] Calls)> Gets()
    {
        foreach (var arguments in (string[])[
            "get wd", "get wd -o wide", "get wd a -o yaml", "get wd -o yaml", "get wd a -o json", "get wd -o jsonpath={.items[*].spec.size}", "get wd a -o go-template={{.spec.size}}",
            "get wd -o custom-columns=N:.metadata.name,S:.spec.size", "get wd -o name", "get wd -l x=1", "get wd -l x=2", "get wd -l 'x in (1,2)'", "get wd -l 'x notin (1)'", "get wd -l !x",
            "get wd --field-selector metadata.name=a", "get wd --field-selector spec.mode=b", "get wd --field-selector bogus=1", "get wd --chunk-size=1", "get wd --chunk-size=1 -o name",
            "get wd --show-labels", "get wd -L x", "get wd --sort-by=.spec.size", "get wd --no-headers", "get wd a b", "get wd/a", "get wd zz", "get wd zz --ignore-not-found", "get wd a zz",
            "get widgets.v1.test.example.com", "get widgets.test.example.com a", "get widgets.v9.test.example.com", "get bogus", "get wd --server-print=false", "get wd a --show-managed-fields=false -o yaml",
            "get wd a --subresource=status", "get wd -l 'a b'", "get wd -l a=b=c", "get --raw /apis/test.example.com/v1/namespaces/{ns}/widgets/zz"])
        {
            yield return On(arguments, Two, arguments);
        }

        yield return ("get of nothing", [new("get wd"), new("get wd -o yaml"), new("get wd -l a=b")]);
        yield return ("get in all namespaces", [new("create -f -", A), new("get wd -A -l x=1 --field-selector metadata.namespace={ns}"), new("get wd -A --field-selector metadata.namespace={ns} -o name")]);
        foreach (var arguments in (string[])[
            "api-resources --api-group=test.example.com -o wide", "api-resources --api-group=scale.example.com -o wide", "api-resources --api-group=apiextensions.k8s.io -o wide",
            "api-resources --api-group=coordination.k8s.io -o wide", "api-resources --api-group=test.example.com --verbs=list,create --namespaced=true -o name", "api-resources --api-group=test.example.com --sort-by=name",
            "api-resources --api-group=bogus.example.com", "get --raw /healthz", "get --raw /readyz", "get --raw /livez", "get --raw /bogus/bogus --request-timeout=5s",
            "get --raw /apis/scale.example.com", "get --raw /apis/scale.example.com/v1", "get --raw /api/v1/bogus", "get crd widgets.test.example.com", "get crd widgets.test.example.com -o jsonpath={.status.acceptedNames}",
            "version --client", "get events", "events", "auth whoami --dry-run"])
        {
            yield return (arguments, [new(arguments)]);
        }

        yield return ("get of a deprecated version", [new("create -f -", Gadget), new("get gadgets.v1beta1.scale.example.com"), new("get gadgets.v1beta1.scale.example.com g -o yaml")]);
    }

    private static IEnumerable<(string Name, Call[] Calls)> Describes()
    {
        yield return ("describe ours", [Two, new("describe wd a"), new("describe wd"), new("describe wd -l x=1"), new("describe wd zz"), new("describe wd a --show-events=false")]);
        yield return ("describe with events", [new("create -f -", A), new("create -f -", Event), new("describe wd a"), new("get events -o name"), new("get events -o jsonpath={.items[0].message}"), new("events --for wd/a"), new("get events --field-selector involvedObject.name=a -o name"), new("get events --field-selector reason=Other -o name"), new("describe event e")]);
        yield return ("describe Secret, ConfigMap and Lease", [new("create -f -", Secret + OneKeyMap + Lease), new("describe secret s"), new("describe cm m"), new("describe lease l")]);
        yield return ("describe definition", [new("describe crd widgets.test.example.com")]);
        yield return ("describe a scaled kind", [new("create -f -", Gadget), new("describe gd g")]);
    }

    private static IEnumerable<(string Name, Call[] Calls)> Waits()
    {
        const string ready = """patch wd a --subresource=status --type=merge -p '{"status":{"phase":"Done","conditions":[{"type":"Ready","status":"True"}]}}'""";
        yield return ("wait for a condition", [Two, new(ready), new("wait wd a --for=condition=Ready --timeout=10s"), new("wait wd a --for=condition=Ready=false --timeout=1s"), new("wait wd a --for=condition=Nope --timeout=1s")]);
        yield return ("wait for a value", [Two, new(ready), new("wait wd a --for=jsonpath={.status.phase}=Done --timeout=10s"), new("wait wd a --for=jsonpath={.status.phase} --timeout=10s"), new("wait wd a --for=jsonpath={.status.phase}=X --timeout=1s")]);
        yield return ("wait for creation", [Two, new("wait wd a --for=create --timeout=5s"), new("wait wd zz --for=create --timeout=1s")]);
        yield return ("wait for deletion", [Two, new("wait wd zz --for=delete --timeout=5s"), new("wait wd a --for=delete --timeout=1s"), new("delete wd a --wait=false"), new("wait wd a --for=delete --timeout=10s")]);
        yield return ("wait for several", [Two, new("wait wd --all --for=jsonpath={.spec.size}=3 --timeout=1s"), new("wait wd -l x=1 --for=jsonpath={.spec.size}=3 --timeout=5s"), new("wait wd zz --for=condition=Ready --timeout=1s")]);
    }

    private static IEnumerable<(string Name, Call[] Calls)> Explains()
    {
        foreach (var path in (string[])["wd --recursive", "wd.spec", "wd.spec.items", "wd.spec.items.name", "wd.spec.size", "wd.spec.map", "wd.status", "wd.bogus", "wd.spec.size.bogus", "gd --api-version=scale.example.com/v1 --recursive", "bogus", "wd.spec.tmpl --recursive", "lease --recursive --api-version=coordination.k8s.io/v9"])
        {
            yield return ("explain " + path, [new("explain " + path)]);
        }
    }

    private static IEnumerable<(string Name, Call[] Calls)> Writes()
    {
        static string With(string change) => A.Replace("\"size\":3", change, StringComparison.Ordinal);
        yield return ("apply creates, leaves alone, changes", [new("apply -f -", A), new("apply -f -", A), new("apply -f -", With("\"size\":4")), new("get wd a -o yaml")]);
        yield return ("apply takes away what it gave", [new("apply -f -", With("\"size\":4,\"name\":\"abc\",\"map\":{\"k\":1,\"l\":2}")), new("apply -f -", With("\"size\":4,\"map\":{\"k\":1}")), new("get wd a -o jsonpath={.spec}")]);
        yield return ("apply leaves what others gave", [new("apply -f -", A), new("""patch wd a --type=merge -p '{"spec":{"name":"abc"}}'"""), new("apply -f -", With("\"size\":5")), new("get wd a -o jsonpath={.spec}")]);
        yield return ("apply over an object that it didn't make", [new("create -f -", A), new("apply -f -", With("\"size\":5")), new("get wd a -o yaml")]);
        yield return ("apply --dry-run=server", [new("apply --dry-run=server -f -", A), new("get wd"), new("apply -f -", A), new("apply --dry-run=server -f -", With("\"size\":5")), new("apply --dry-run=server -f -", With("\"size\":55")), new("get wd a -o jsonpath={.spec.size}")]);
        yield return ("apply --dry-run=client", [new("apply --dry-run=client -f -", A), new("apply --dry-run=client -o yaml -f -", A)]);
        foreach (var level in (string[])["strict", "warn", "ignore"])
        {
            yield return ($"apply --validate={level}", [new($"apply --validate={level} -f -", With("\"size\":3,\"zz\":1,\"items\":[{\"name\":\"a\",\"bad\":1}]")), new($"apply --validate={level} -f -", With("\"size\":3,\"size\":4")), new($"create --validate={level} -f -", B.Replace("\"size\":2", "\"size\":2,\"size\":4,\"yy\":{}", StringComparison.Ordinal)), new("get wd -o jsonpath={.items[*].spec}")]);
        }

        yield return ("apply of invalid objects", [new("apply -f -", With("\"size\":77")), new("apply -f -", With("\"mode\":\"z\"")), new("apply --validate=false -f -", A.Replace("Widget", "Gizmo", StringComparison.Ordinal)), new("apply --validate=false -f -", A.Replace("/v1", "/v7", StringComparison.Ordinal)), new("apply -f -", "{}"), new("apply -f -", "{bad"), new("apply -f -", "")]);
        yield return ("apply of several, one of them invalid", [new("apply -f -", A + B.Replace("\"size\":2", "\"size\":99", StringComparison.Ordinal)), new("get wd -o name")]);
        yield return ("apply view and set last applied", [new("apply -f -", A), new("apply view-last-applied wd a"), new("apply set-last-applied -f -", With("\"size\":3"))]);
        yield return ("create and create again", [new("create -f -", A), new("create -f -", A), new("create --save-config -f -", B), new("get wd b -o yaml")]);
        yield return ("create with a generated name", [new("create -o jsonpath={.metadata.generateName} -f -", A.Replace("\"name\":\"a\"", "\"generateName\":\"gen-\"", StringComparison.Ordinal))]);
        yield return ("create in another namespace than the flag's", [new("create -f -", A.Replace("\"name\":\"a\"", "\"name\":\"a\",\"namespace\":\"kube-system\"", StringComparison.Ordinal))]);
        yield return ("create in a missing namespace", [new("create -n nowhere -f -", A)]);
        yield return ("diff", [new("diff -f -", A), new("apply -f -", A), new("diff -f -", A), new("diff -f -", With("\"size\":6")), new("diff -f -", With("\"size\":66"))]);
        yield return ("replace", [new("replace -f -", A), new("create -f -", A), new("replace -f -", With("\"size\":7")), new("replace --force -f -", With("\"size\":8")), new("get wd a -o jsonpath={.spec.size}"), new("replace -f -", A.Replace("\"labels\"", "\"resourceVersion\":\"1\",\"labels\"", StringComparison.Ordinal))]);
        yield return ("patch", [new("create -f -", A), new("""patch wd a --type=merge -p '{"spec":{"size":4}}'"""), new("""patch wd a --type=merge -p '{"spec":{"size":4}}'"""), new("""patch wd a --type=json -p '[{"op":"replace","path":"/spec/size","value":2}]'"""), new("""patch wd a --type=json -p '[{"op":"test","path":"/spec/size","value":9}]'"""), new("""patch wd a --type=json -p '[{"op":"bogus","path":"/spec/size"}]'"""), new("""patch wd a --type=merge -p '{"spec":{"size":"x"}}'"""), new("""patch wd a --type=merge -p '{"spec":{"zz":1}}'"""), new("""patch wd zz --type=merge -p '{}'"""), new("get wd a -o yaml")]);
        yield return ("strategic merge patch of a custom resource", [new("create -f -", A), new("""patch wd a -p '{"spec":{"size":4}}'"""), new("""patch wd a --type=strategic -p '{"spec":{"size":4}}'""")]);
        yield return ("patch the status", [new("create -f -", A), new("""patch wd a --subresource=status --type=merge -p '{"status":{"phase":"Up"},"spec":{"size":9}}'"""), new("""patch wd a --subresource=status --type=merge -p '{"status":{"phase":5}}'"""), new("get wd a -o yaml")]);
        yield return ("patch --dry-run=server", [new("create -f -", A), new("""patch wd a --dry-run=server --type=merge -p '{"spec":{"size":4}}'"""), new("get wd a -o jsonpath={.spec.size}")]);
        yield return ("label", [Two, new("label wd a y=2"), new("label wd a y=3"), new("label wd a y=3 --overwrite"), new("label wd a y-"), new("label wd a y-"), new("label wd --all z=1"), new("label wd a 'y=a b'"), new("label wd zz y=1"), new("label wd a x=9 --overwrite --dry-run=server"), new("get wd --show-labels")]);
        yield return ("annotate", [Two, new("annotate wd a n=1"), new("annotate wd a n=2"), new("annotate wd --all n=2 --overwrite"), new("annotate wd a n-"), new("annotate wd zz n=1"), new("get wd b -o jsonpath={.metadata.annotations}")]);
        yield return ("scale", [new("create -f -", Gadget), new("scale gd g --replicas=5"), new("get gd g -o jsonpath={.spec.replicas}"), new("scale gd g --replicas=99"), new("scale gd g --replicas=1 --current-replicas=4"), new("scale gd g --replicas=1 --current-replicas=5"), new("scale gd zz --replicas=1"), new("scale wd zz --replicas=1"), new("get gd g --subresource=scale -o yaml"), new("""patch gd g --subresource=scale --type=merge -p '{"spec":{"replicas":3}}'"""), new("get gd g -o yaml")]);
    }

    private static IEnumerable<(string Name, Call[] Calls)> Edits()
    {
        yield return ("edit", [new("create -f -", A), new("edit wd a", null, "sed -i -e s/size:.3/size:.6/"), new("get wd a -o jsonpath={.spec.size}")]);
        yield return ("edit without a change", [new("create -f -", A), new("edit wd a", null, "true")]);
        yield return ("edit the status", [new("create -f -", A), new("edit wd a --subresource=status", null, "sed -i -e s/phase:.New/phase:.Other/"), new("get wd a -o jsonpath={.status.phase}")]);
        yield return ("edit while another writes", [new("create -f -", A), new("edit wd a", null, """sh -c '{kubectl} -n {ns} label wd a by=other >/dev/null; sed -i -e s/size:.3/size:.6/ "$0"'"""), new("get wd a -o yaml")]);
        yield return ("edit while another deletes", [new("create -f -", A), new("edit wd a", null, """sh -c '{kubectl} -n {ns} delete wd a >/dev/null; sed -i -e s/size:.3/size:.6/ "$0"'""")]);
        yield return ("edit a ConfigMap", [new("create -f -", Map), new("edit cm m", null, "sed -i -e s/a:.b/a:.c/"), new("get cm m -o jsonpath={.data.a}")]);
    }

    private static IEnumerable<(string Name, Call[] Calls)> Deletes()
    {
        yield return ("delete", [Two, new("delete wd a"), new("delete wd a"), new("delete wd a --ignore-not-found"), new("delete wd b zz"), new("get wd")]);
        yield return ("delete by label, all, file", [Two, new("delete wd -l x=2"), new("delete wd -l x=1"), new("delete wd --all"), new("delete wd --all"), new("create -f -", A), new("delete -f -", A), new("delete -f -", A)]);
        yield return ("delete --dry-run=server", [Two, new("delete wd a --dry-run=server"), new("delete wd a --dry-run=client"), new("get wd a -o name")]);
        yield return ("delete with a grace period", [Two, new("delete wd a --grace-period=5"), new("delete wd b --grace-period=0 --force")]);
        yield return ("delete --now and in the background", [Two, new("delete wd a --now"), new("delete wd b --cascade=background")]);
        yield return ("delete waits for a finalizer", [new("create -f -", A.Replace("\"labels\"", "\"finalizers\":[\"x.y/z\"],\"labels\"", StringComparison.Ordinal)), new("delete wd a --wait=false"), new("delete wd a --wait=false"), new("get wd a -o yaml"), new("""patch wd a --type=merge -p '{"metadata":{"finalizers":["x.y/z","a.b/c"]}}'"""), new("""patch wd a --type=merge -p '{"metadata":{"finalizers":null}}'"""), new("get wd a")]);
        yield return ("delete a namespace with its content", [new("create -f -", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"d-{ns}"}}"""), new("create -n d-{ns} -f -", A), new("delete ns d-{ns} --timeout=30s"), new("get wd -n d-{ns}")]);
    }

    private static IEnumerable<(string Name, Call[] Calls)> BuiltIn()
    {
        yield return ("ConfigMap", [new("apply -f -", Map), new("get cm m -o yaml"), new("apply -f -", Map.Replace("\"a\":\"b\"", "\"c\":\"d\"", StringComparison.Ordinal)), new("get cm m -o jsonpath={.data}"), new("""patch cm m -p '{"data":{"e":"f","c":null}}'"""), new("get cm m -o jsonpath={.data}"), new("label cm m x=y"), new("delete cm m")]);
        yield return ("Secret", [new("apply -f -", Secret), new("get secret s -o jsonpath={.data}"), new("get secret s -o jsonpath={.type}"), new("""patch secret s -p '{"stringData":{"c":"d"}}'"""), new("delete secret s")]);
        yield return ("Lease", [new("apply -f -", Lease), new("get lease l -o yaml"), new("""patch lease l --type=merge -p '{"spec":{"holderIdentity":"you"}}'"""), new("get lease l -o jsonpath={.spec}"), new("delete lease l")]);
        yield return ("Event", [new("create -f -", Event), new("get event e -o yaml"), new("get events --field-selector involvedObject.kind=Widget,type=Normal -o name"), new("delete event e")]);
        yield return ("Namespace", [new("create -f -", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n-{ns}","labels":{"a":"b"}}}"""), new("get ns n-{ns} -o yaml"), new("label ns n-{ns} c=d"), new("get ns -l c=d -o name"), new("create -f -", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"Bad_Name"}}"""), new("delete ns n-{ns}")]);
    }
}
