using System.Text;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Drivers.Gcp.Tests.Conformance;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>The checker itself: what isn't as the description says is refused. A checker that lets everything through proves nothing.</summary>
public sealed class DescriptionTests
{
    private const string P = "/compute/v1/projects/demo-project";

    private static readonly object[][] Broken =
    [
        ["GET", P + "/", "", "no method"],
        ["GET", P + "/global/nets", "", "no method"],
        ["PUT", P + "/global/networks/n", """{"mtu":1460}""", "no method"],
        ["GET", P + "/zones/Z_1/instances", "", "pattern"],
        ["GET", P + "/global/networks?maxresults=5", "", "no query parameter maxresults"],
        ["GET", P + "/global/networks?maxResults=many", "", "no integer"],
        ["GET", P + "/global/networks?prettyPrint=perhaps", "", "no boolean"],
        ["GET", P + "/global/networks?alt=yaml", "", "none of"],
        ["POST", P + "/global/networks", """{"name":"n","mtu":"1460"}""", "integer is right"],
        ["POST", P + "/global/networks", """{"name":"n","MTU":1460}""", "no member MTU"],
        ["POST", P + "/global/networks", """{"name":"N_1"}""", "pattern"],
        ["POST", P + "/global/networks", """{"name":7}""", "string is right"],
        ["POST", P + "/global/networks", """{"name":"n","autoCreateSubnetworks":"no"}""", "boolean is right"],
        ["POST", P + "/global/networks", """{"name":"n","labels":{"a":"b"}}""", "no member labels"],
        ["POST", P + "/global/networks", """{"name":"n","routingConfig":{"routingMode":"NEAR"}}""", "none of its"],
        ["POST", P + "/global/networks", """{"name":"n","mtu":99999999999}""", "integer is right"],
        ["POST", P + "/global/networks", "{", "no JSON"],
        ["POST", P + "/regions/us-central1/subnetworks", """{"name":"s","stackType":"IPV5"}""", "none of its"],
        ["POST", P + "/global/firewalls", """{"name":"f","allowed":[{"IPProtocol":"tcp","ports":[80]}]}""", "string is right"],
        ["POST", P + "/global/firewalls", """{"name":"f","sourceRanges":"0.0.0.0/0"}""", "array is right"],
        ["POST", P + "/global/firewalls", """{"name":"f","direction":"SIDEWAYS"}""", "none of its"],
        ["POST", P + "/zones/us-central1-a/disks", """{"name":"d","sizeGb":10}""", "string is right"],
        ["POST", P + "/zones/us-central1-a/disks", """{"name":"d","sizeGb":"ten"}""", "no int64"],
        ["POST", P + "/zones/us-central1-a/instances", """{"name":"i","disks":[{"boot":true,"initialiseParams":{}}]}""", "no member initialiseParams"],
        ["POST", P + "/zones/us-central1-a/instances", """{"name":"i","metadata":{"items":[{"name":"k","value":"v"}]}}""", "no member name"],
        ["POST", P + "/zones/us-central1-a/instances", """{"name":"i","labels":{"a":1}}""", "string is right"],
        ["POST", P + "/zones/us-central1-a/instances/i/setTags", """{"items":["a"],"fingerprint":"not base64!"}""", "base64"],
        ["POST", P + "/zones/us-central1-a/instances/i/stop", """{"force":true}""", "takes no body"],
        ["POST", "/v1/projects/demo-project/secrets?secretID=x", "{}", "no query parameter secretID"],
        ["POST", "/v1/projects/demo-project/secrets?secretId=x", """{"replication":{"auto":{}}}""", "no member auto"],
        ["POST", "/v1/projects/demo-project/secrets/x:addVersions", "{}", "no method"],
        ["POST", "/v1/projects/demo-project/secrets/x:setIamPolicy", """{"bindings":[]}""", "no member bindings"],
    ];

    [TestCaseSource(nameof(Broken))]
    public void A_broken_request_is_refused(string method, string target, string body, string word) =>
        Assert.That(string.Join('\n', Checker().CheckRequest(Request(method, target, body))), Does.Contain(word));

    [TestCase("""{"kind":"compute#network","name":"n","mtu":"1460"}""", "integer is right")]
    [TestCase("""{"kind":"compute#network","id":4711}""", "string is right")]
    [TestCase("""{"kind":"compute#network","state":"READY"}""", "no member state")]
    [TestCase("""["n"]""", "object is right")]
    public void A_broken_answer_is_refused(string body, string word) =>
        Assert.That(string.Join('\n', Checker().CheckAnswer(Request("GET", P + "/global/networks/n", ""), CloudResponse.Text(200, body))), Does.Contain(word));

    [Test]
    public void The_double_runs_without_any_description()
    {
        var cloud = new GcpCloud(TimeProvider.System);
        Assert.That(cloud.Handle(Request("GET", P, "")).Status, Is.EqualTo(200));
        Assert.That(cloud.Handle(Request("GET", P + "/global/networks/n", "")).Status, Is.EqualTo(404));
    }

    private static DescriptionChecker Checker() => Descriptions.Checker is not null ? s_strict.Value : throw SharedFolder.Missing("seeds", "neither the reference folder nor DATUM_GCP_DISCOVERY has Google's discovery documents");

    private static readonly Lazy<DescriptionChecker> s_strict = new(() => DescriptionChecker.Load(Descriptions.Files()));

    private static CloudRequest Request(string method, string target, string body)
    {
        var question = target.IndexOf('?', StringComparison.Ordinal);
        return new CloudRequest
        {
            Method = method,
            Path = question < 0 ? target : target[..question],
            Query = CloudRequest.ParseQuery(question < 0 ? "" : target[question..]),
            Body = Encoding.UTF8.GetBytes(body),
        };
    }
}
