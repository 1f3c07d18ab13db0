"""The policies that a deployment of the template would have, with the values that CloudFormation would put into them."""

import re

ACCOUNT = "111122223333"
REGION = "eu-west-1"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "doze",
    "AWS::URLSuffix": "amazonaws.com",
}
HERE = f"{REGION}:{ACCOUNT}"
# How the ARNs of resources look that policies name.
ARNS = {
    "AWS::Events::Rule": f"arn:aws:events:{HERE}:rule/{{name}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{HERE}:function:{{name}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{HERE}:log-group:{{name}}:*",
    "AWS::SNS::Topic": f"arn:aws:sns:{HERE}:{{name}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{HERE}:{{name}}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{HERE}:secret:{{name}}",
}
# Whose Ref is their ARN, and not their name.
NAMED_BY_ARN = ("AWS::SNS::Topic", "AWS::SecretsManager::Secret")
# What lets somebody do something. The type of a policy that is not here is an error, since nothing below would look at it.
ROLE, PERMISSION = "AWS::IAM::Role", "AWS::Lambda::Permission"
ATTACHED = {"AWS::SQS::QueuePolicy": "Queues", "AWS::SNS::TopicPolicy": "Topics"}
ABSENT = {"Ref": "AWS::NoValue"}


class Deployment:
    """The template with values for its parameters."""

    def __init__(self, template, parameters):
        self.resources, self.conditions = template["Resources"], template.get("Conditions", {})
        self.parameters = {name: self.parameter(name, of, parameters) for name, of in template["Parameters"].items()}

    def parameter(self, name, parameter, values):
        value = str(values.get(name, parameter.get("Default", "")))
        return value.split(",") if parameter["Type"] == "CommaDelimitedList" else value

    def holds(self, condition):
        return self.value(self.conditions[condition])

    def has(self, name):
        condition = self.resources[name].get("Condition")
        return condition is None or self.holds(condition)

    def names(self, *types):
        """The resources of some types that would be there."""
        return [name for name, resource in self.resources.items() if resource["Type"] in types and self.has(name)]

    def arn(self, name):
        resource = self.resources[name]
        if resource["Type"] not in ARNS:
            raise SystemExit(f"{name}: how an ARN of {resource['Type']} looks is missing in ARNS of scripts/policies.py")
        named = resource.get("Properties", {}).get("LogGroupName")
        return ARNS[resource["Type"]].format(name=self.value(named) if named else f"doze-{name}-1A2B3C4D5E6F")

    def ref(self, name):
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        if self.resources[name]["Type"] in NAMED_BY_ARN:
            return self.arn(name)
        return f"doze-{name}-1A2B3C4D5E6F"

    def attribute(self, name, attribute):
        if attribute not in ("Arn", "Id", "TopicArn"):
            raise SystemExit(f"{name}.{attribute}: this attribute is missing in scripts/policies.py")
        return self.arn(name)

    def substituted(self, text, values=None):
        def replacement(match):
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if values and name in values:
                return self.value(values[name])
            return self.attribute(*name.split(".", 1)) if "." in name else self.ref(name)

        return re.sub(r"\$\{([^}]+)\}", replacement, text)

    def function(self, name, of):
        """What one of CloudFormation's functions makes of its arguments."""
        match name:
            case "Ref":
                return self.ref(of)
            case "Condition":
                return self.holds(of)
            case "Fn::GetAtt":
                return self.attribute(*(of if isinstance(of, list) else of.split(".", 1)))
            case "Fn::Sub":
                return self.substituted(*(of if isinstance(of, list) else [of]))
            case "Fn::Join":
                return of[0].join(self.value(of[1]))
            case "Fn::If":
                return self.value(of[1] if self.holds(of[0]) else of[2])
            case "Fn::Equals":
                return self.value(of[0]) == self.value(of[1])
            case "Fn::Not":
                return not self.value(of[0])
            case "Fn::And":
                return all(map(self.value, of))
            case "Fn::Or":
                return any(map(self.value, of))
        raise SystemExit(f"{name}: this function is missing in scripts/policies.py")

    def value(self, node):
        """A part of the template with everything filled in. What is not there leaves no trace."""
        if isinstance(node, list):
            return [self.value(child) for child in node if not self.absent(child)]
        if not isinstance(node, dict):
            return node
        (name, of), *others = node.items() or [("", None)]
        if not others and (name in ("Ref", "Condition") and isinstance(of, str) or name.startswith("Fn::")):
            return self.function(name, of)
        return {key: self.value(child) for key, child in node.items() if not self.absent(child)}

    def absent(self, node):
        if isinstance(node, dict) and list(node) == ["Fn::If"]:
            condition, yes, no = node["Fn::If"]
            return self.absent(yes if self.holds(condition) else no)
        return node == ABSENT


def trust(deployment, name, role):
    """Who may assume a role, as the policy of a resource: it names none itself."""
    document = deployment.value(role["AssumeRolePolicyDocument"])
    return {deployment.arn(name): document["Statement"]}


def permission(deployment, _, properties):
    """The statement that Lambda adds to a function's policy for a permission."""
    values = deployment.value(properties)
    function = deployment.arn(properties["FunctionName"]["Ref"])
    arn, account = values.get("SourceArn"), values.get("SourceAccount")
    condition = {"ArnLike": {"aws:SourceArn": arn}} if arn else {}
    condition |= {"StringEquals": {"aws:SourceAccount": account}} if account else {}
    principal = {"Service": values["Principal"]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": values["Action"], "Resource": function}
    return {function: [statement | ({"Condition": condition} if condition else {})]}


def attached(deployment, name, properties):
    """The statements of a queue's or a topic's policy."""
    to = properties[ATTACHED[deployment.resources[name]["Type"]]]
    return {deployment.arn(one["Ref"]): deployment.value(properties["PolicyDocument"]["Statement"]) for one in to}


GRANTS = {ROLE: trust, PERMISSION: permission, **dict.fromkeys(ATTACHED, attached)}


def statements(deployment, name, resource):
    """What one resource of the template grants: the statements of a role itself, and those on other resources, by ARN."""
    properties = resource["Properties"]
    if resource["Type"] != ROLE:
        return [], GRANTS[resource["Type"]](deployment, name, properties)
    if properties.get("ManagedPolicyArns") or properties.get("PermissionsBoundary"):
        raise SystemExit(f"{name} has managed policies or a boundary, which scripts/policies.py knows nothing of")
    own = [s for policy in properties.get("Policies", []) for s in deployment.value(policy["PolicyDocument"]["Statement"])]
    return own, trust(deployment, name, properties)


def unknown(resources):
    """Resources that seem to grant something, of a type that nothing here looks at."""
    for name, resource in resources.items():
        kind = resource["Type"]
        if kind not in GRANTS and (kind.endswith(("Policy", "Permission")) or "Statement" in str(resource.get("Properties"))):
            yield f"{name}: what {kind} grants is missing in GRANTS of scripts/policies.py"
