"""The modules of the vendor's guide, ported line by line.

They are written in the vendor's spelling; `pep8` returns the same module in Python's.
"""

from __future__ import annotations

import re

from puqpanel.host.contract.names import python_name, snake

_CAMEL = re.compile(r"\b(?!zA\b)[a-z_]\w*[A-Z]\w*")


def pep8(source: str) -> str:
    """Return a module in Python's spelling: documented names by the table, others in snake case."""
    # compat has the vendor's spellings only, so the Python ones are imported from the SDK
    source = (
        source.replace("puqpanel.sdk.compat", "puqpanel.sdk")
        .replace("auth().id()", "auth_id()")
        .replace("import Cache, auth,", "import Cache, auth_id,")
        .replace("getDueAmountAttribute()", "due_amount")
    )

    def plain(match: re.Match[str]) -> str:
        name = match[0]
        return found if (found := python_name(name)) != name else snake(name)

    return _CAMEL.sub(plain, source)


MY_CLOUD_SERVICE = """
import json
import random
import resource
import time
import traceback

from puqpanel.sdk import Product, Service, Task, Validator, now, response
from puqpanel.sdk.compat import Cache, auth, DB, Event, ExternalServiceException, GuzzleException, InvalidArgumentException, Schema
from puqpanel.sdk.compat import ValidationException, generateStrongPassword, stripTags, version_compare

from .Models.CloudServer import CloudServer
from .Services.CloudAPIClient import CloudAPIClient


class MyCloudService(Product):
    product_data = None
    product_uuid = None
    service_data = None
    service_uuid = None

    def __init__(self):
        super().__init__()

    # Lifecycle Methods
    def activate(self):
        try:
            # Create necessary database tables
            self.createTables()
            self.logInfo('activate', 'Module activated successfully')
            return 'success'
        except Exception as e:
            self.logError('activate', 'Activation failed: ' + str(e))
            return 'error: ' + str(e)

    def deactivate(self):
        try:
            # Cleanup resources
            self.dropTables()
            self.logInfo('deactivate', 'Module deactivated successfully')
            return 'success'
        except Exception as e:
            self.logError('deactivate', 'Deactivation failed: ' + str(e))
            return 'error: ' + str(e)

    def update(self):
        try:
            currentVersion = self.getCurrentVersion()
            if version_compare(currentVersion, '1.1.0', '<'):
                Schema.table('cloud_servers', lambda table: table.string('new_field').nullable())
            return 'success'
        except Exception as e:
            return 'Error: ' + str(e)

    def createTables(self):
        def groups(table):
            table.uuid().primary()
            table.string('name').unique()
            table.string('description').nullable()
            table.timestamps()

        def servers(table):
            table.uuid().primary()
            table.uuid('group_uuid')
            table.string('name').unique()
            table.string('host')
            table.string('username')
            table.text('password')  # Encrypted using Crypt.encryptString()
            table.text('api_key').nullable()  # Encrypted API key
            table.boolean('active').default(True)
            table.boolean('ssl').default(True)
            table.integer('port').default(443)
            table.integer('max_accounts').default(0)
            table.timestamps()

            table.foreign('group_uuid').references('uuid').on('cloud_server_groups')
            table.index(['active', 'group_uuid'])

        if not Schema.hasTable('cloud_server_groups'):
            Schema.create('cloud_server_groups', groups)
            Schema.create('cloud_servers', servers)

    def dropTables(self):
        Schema.dropIfExists('cloud_servers')
        Schema.dropIfExists('cloud_server_groups')

    # Product Configuration
    def getProductData(self, data={}):
        self.product_data = {
            'server_location': data.get('server_location', ''),
            'plan_type': data.get('plan_type', ''),
            'disk_space': data.get('disk_space', ''),
            'bandwidth': data.get('bandwidth', ''),
            'username_prefix': data.get('username_prefix', 'u'),
            'username_suffix': data.get('username_suffix', ''),
        }
        return self.product_data

    def saveProductData(self, data={}):
        validator = Validator.make(data, {
            'server_location': 'required|string',
            'plan_type': 'required|in:basic,premium,enterprise',
            'disk_space': 'required|integer|min:1',
            'bandwidth': 'required|integer|min:1',
        })

        if validator.fails():
            return {
                'status': 'error',
                'message': validator.errors(),
                'code': 422,
            }

        return {
            'status': 'success',
            'data': data,
            'code': 200,
        }

    def getProductPage(self):
        return self.view('admin_area.product', {
            'config': self.product_data,
            'validation': {'plan_type': ['basic', 'premium', 'enterprise']},
        })

    # Service Management
    def getServiceData(self, data={}):
        self.service_data = {
            'domain': data.get('domain', '').strip().lower(),
            'username': data.get('username', ''),
            'password': data.get('password', ''),
            'ip_address': data.get('ip_address', ''),
        }
        return self.service_data

    def saveServiceData(self, data={}):
        # Sanitize input
        data = {key: value.strip() for key, value in data.items()}
        data = {key: stripTags(value) for key, value in data.items()}
        validator = Validator.make(data, {
            'domain': r'required|regex:/^[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]*\\.[a-zA-Z]{2,}$/',
            'username': 'required|alpha_dash|min:3|max:20',
            'password': r'required|min:8|regex:/^(?=.*[a-z])(?=.*[A-Z])(?=.*\\d)/',
            'ip_address': 'nullable|ip',
        })

        if validator.fails():
            return {
                'status': 'error',
                'message': 'Please look again',
                'errors': validator.errors(),
                'code': 422,
            }

        return {
            'status': 'success',
            'data': data,
            'code': 200,
        }

    def getServicePage(self):
        return self.view('admin_area.service', {
            'service_data': self.service_data,
            'config': self.config,
        })

    # Asynchronous Operations
    def create(self):
        data = {
            'module': self,
            'method': 'createJob',
            'tries': 1,
            'backoff': 60,
            'timeout': 600,
            'maxExceptions': 1,
        }

        service = Service.find(self.service_uuid)
        service.setProvisionStatus('processing')
        Task.add('ModuleJob', 'Module', data, ['create'])

        return {'status': 'success'}

    def createJob(self):
        try:
            service = Service.find(self.service_uuid)
            service.setProvisionStatus('processing')
            Event.dispatch('cloud.account.creating', {
                'module': self.module_name,
                'service_uuid': self.service_uuid,
            })

            # Generate service credentials (real implementation pattern)
            self.service_data['username'] = self.product_data['username_prefix'] + \\
                str(random.randint(100000, 999999)) + \\
                self.product_data['username_suffix']
            self.service_data['password'] = generateStrongPassword(10)

            # Create API client and provision account
            apiClient = self.apiClient()
            result = self.measurePerformance(lambda: apiClient.createAccount({
                'domain': self.service_data['domain'],
                'username': self.service_data['username'],
                'password': self.service_data['password'],
            }), 'createAccount')

            # Store service data
            service.setProvisionData(self.service_data)

            if result['status'] == 'success':
                service.setProvisionStatus('completed')
                self.logInfo('createJob', 'Service created successfully', result)
            else:
                service.setProvisionStatus('failed')
                self.logError('createJob', 'Service creation failed', result)

            Event.dispatch('cloud.account.created', {'success': result['status'] == 'success'})
            return {'status': 'success' if result['status'] == 'success' else 'error', 'message': result.get('error', ''), 'data': result}

        except ExternalServiceException as e:
            self.logError('createJob', 'External service error', e.getMessage())
            return {'status': 'error', 'message': 'Service temporarily unavailable'}

        except ValidationException as e:
            self.logError('createJob', 'Validation error', e.errors())
            return {'status': 'error', 'message': 'Invalid data provided'}

        except Exception as e:
            self.logError('createJob', 'Exception in createJob', str(e))
            return {'status': 'error', 'message': str(e)}

    # Helper method for task queuing (based on real PUQcloud implementation)
    def queueModuleTask(self, method, tags=[], tries=1):
        data = {
            'module': self,                # Required: module instance
            'method': method,              # Required: method to execute
            'tries': tries,                # Optional: retry attempts
            'backoff': 60,                 # Optional: delay between retries
            'timeout': 600,                # Optional: max execution time
            'maxExceptions': 1,            # Optional: max exceptions
        }

        Task.add('ModuleJob', 'Module', data, tags)
        return {'status': 'success'}

    def suspend(self):
        service = Service.find(self.service_uuid)
        service.setProvisionStatus('processing')

        return self.queueModuleTask('suspendJob', ['suspend', 'service:' + self.service_uuid])

    def suspendJob(self):
        try:
            result = self.apiClient().suspendAccount(self.service_data['username'])
            if result['status'] == 'success':
                Service.find(self.service_uuid).setProvisionStatus('suspended')
                self.logInfo('suspendJob', 'Service suspended')
                return {'status': 'success'}

            Service.find(self.service_uuid).setProvisionStatus('failed')
            return {'status': 'error', 'message': result.get('error', 'Unknown error')}
        except Exception as e:
            Service.find(self.service_uuid).setProvisionStatus('failed')
            self.logError('suspendJob', 'Suspension failed', str(e))
            return {'status': 'error', 'message': 'Suspension failed'}

    def unsuspend(self):
        return self.queueModuleTask('unsuspendJob', ['unsuspend', 'service:' + self.service_uuid])

    def unsuspendJob(self):
        result = self.apiClient().makeRequest('PUT', f"/accounts/{self.service_data['username']}/unsuspend")
        if result['status'] == 'success':
            Service.find(self.service_uuid).setProvisionStatus('completed')
            return {'status': 'success'}
        return {'status': 'error', 'message': result.get('error', 'Unknown error')}

    def termination(self):
        return self.queueModuleTask('terminationJob', ['terminate', 'service:' + self.service_uuid])

    def terminationJob(self):
        result = self.apiClient().deleteAccount(self.service_data['username'])
        if result['status'] == 'success':
            Service.find(self.service_uuid).setProvisionStatus('terminated')
            return {'status': 'success'}
        return {'status': 'error', 'message': result.get('error', 'Unknown error')}

    def change_package(self):
        return self.queueModuleTask('change_packageJob', ['change_package', 'service:' + self.service_uuid])

    def change_packageJob(self):
        result = self.apiClient().makeRequest('PUT', f"/accounts/{self.service_data['username']}/plan", {
            'plan': self.service_data.get('plan', 'basic'),
            'bandwidth': self.product_data.get('bandwidth'),
        })
        if result['status'] == 'success':
            self.logInfo('change_packageJob', 'Plan changed')
            return {'status': 'success'}
        return {'status': 'error', 'message': result.get('error', 'Unknown error')}

    def apiClient(self):
        # Get server configuration from database
        server = CloudServer.where('active', True).first()
        return CloudAPIClient({'host': server.host, 'port': server.port, 'api_key': server.api_key, 'username': server.username, 'password': server.attributes['password']})

    def getServerList(self):
        return Cache.remember('cloud_servers', 300, lambda: self.apiClient().getServers())

    def forgetServers(self):
        Cache.tags(['module', self.module_name]).put('key', 'value', 300)
        before = Cache.tags(['module', self.module_name]).get('key')
        Cache.tags(['module', self.module_name]).flush()
        Cache.forget('cloud_servers')
        return {'status': 'success', 'data': [before, Cache.tags(['module', self.module_name]).get('key'), Cache.get('cloud_servers', 'gone')]}

    def logOperation(self, operation, context={}):
        self.logInfo(operation, {
            'module': self.module_name,
            'service_uuid': self.service_uuid,
            'timestamp': now().toISOString(),
            'user_id': auth().id(),
            **context,
        })
        self.logDebug('method_name', {
            'input': context,
            'stack_trace': traceback.extract_stack(limit=5),
        })

    def everyService(self):
        seen = []
        Service.chunk(100, lambda services: seen.extend(service.uuid for service in services))
        services = Service.with_(['product', 'customer']).get()
        DB.transaction(lambda: self.logOperation('count', {'services': len(services)}))
        return {'success': True, 'data': [seen == [service.uuid for service in services], services[0].customer.email]}

    def provisionAccount(self, how='fine'):
        try:
            self.validateConfiguration(how)
            result = self.callExternalAPI(how)
            self.validateResponse(result)

            return {'success': True, 'data': result}

        except InvalidArgumentException as e:
            self.logError('provision', 'Configuration error', str(e))
            return {'success': False, 'error': 'Invalid configuration'}

        except GuzzleException as e:
            self.logError('provision', 'API error', e.getMessage())
            return {'success': False, 'error': 'External service unavailable'}

        except Exception as e:
            self.logError('provision', 'Unexpected error', str(e))
            return {'success': False, 'error': 'Internal error occurred'}

    def validateConfiguration(self, how):
        if how == 'misconfigured':
            raise InvalidArgumentException('no host')

    def callExternalAPI(self, how):
        client = self.apiClient().client
        return json.loads(client.get('/missing' if how == 'refused' else '/servers').getBody())

    def validateResponse(self, result):
        result[0]['name']

    def measurePerformance(self, operation, operationName):
        startTime = time.perf_counter()
        startMemory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        result = operation()

        endTime = time.perf_counter()
        endMemory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        self.logInfo('performance', {
            'operation': operationName,
            'execution_time': str(round((endTime - startTime) * 1000, 2)) + 'ms',
            'memory_usage': str(endMemory - startMemory) + 'KB',
            'peak_memory': str(round(endMemory / 1024, 2)) + 'MB',
        })
        return result

    # Admin Interface Configuration
    def adminPermissions(self):
        return [
            {
                'name': 'View Servers',
                'key': 'view-servers',
                'description': 'View cloud servers',
            },
            {
                'name': 'Manage Servers',
                'key': 'manage-servers',
                'description': 'Create and manage cloud servers',
            },
        ]

    def adminSidebar(self):
        return [
            {
                'title': 'Servers',
                'link': 'servers',
                'active_links': ['servers'],
                'permission': 'view-servers',
            },
        ]

    def adminWebRoutes(self):
        return [
            {
                'method': 'get',
                'uri': 'servers',
                'permission': 'view-servers',
                'name': 'servers',
                'controller': 'MyCloudServiceController@servers',
            },
            {
                'method': 'post',
                'uri': 'servers',
                'permission': 'manage-servers',
                'name': 'servers.create',
                'controller': 'MyCloudServiceController@createServer',
            },
        ]

    def adminApiRoutes(self):
        return [
            {
                'method': 'get',
                'uri': 'servers/{uuid}',
                'permission': 'view-servers',
                'name': 'servers.show',
                'controller': 'MyCloudServiceController@showServer',
            },
        ]

    # Client Area Configuration
    def getClientAreaMenuConfig(self):
        return {
            'general': {
                'name': 'General',
                'template': 'client_area.general',
            },
            'files': {
                'name': 'File Manager',
                'template': 'client_area.files',
            },
        }

    def variables_general(self):
        return {
            'service_data': self.service_data,
            'config': self.config,
            'module_name': self.module_name,
            'service_uuid': self.service_uuid,
        }

    def controllerClient_generalGet(self, request):
        try:
            data = self.getServerList()
            return response().json({
                'success': True,
                'data': data,
            })
        except Exception as e:
            return response().json({
                'success': False,
                'message': str(e),
            }, 500)
"""

MODEL = """
from puqpanel.sdk.compat import Crypt, Model


class CloudServerGroup(Model):
    fillable = ['name']


class CloudServer(Model):
    fillable = [
        'name', 'host', 'username', 'password', 'api_key', 'active', 'group_uuid', 'port'
    ]

    # Password automatically encrypted when saving
    def setPasswordAttribute(self, value):
        self.attributes['password'] = Crypt.encryptString(value)

    def getPasswordAttribute(self, value):
        return Crypt.decryptString(value)
"""

API_CLIENT = """
import json

from puqpanel.sdk.compat import Client, Crypt, GuzzleException


class CloudAPIClient:
    def __init__(self, serverConfig):
        self.baseUrl = f"http://{serverConfig['host']}:{serverConfig['port']}"
        self.apiKey = serverConfig.get('api_key', '')
        self.username = serverConfig['username']
        self.password = Crypt.decryptString(serverConfig['password'])

        self.client = Client({
            'base_uri': self.baseUrl,
            'timeout': 30,
            'connect_timeout': 10,
            'headers': {
                'Authorization': 'Bearer ' + self.apiKey,
                'Content-Type': 'application/json',
                'User-Agent': 'PUQcloud-Module/1.0',
                'Accept': 'application/json',
            },
        })

    def createAccount(self, data):
        return self.makeRequest('POST', '/accounts', data)

    def suspendAccount(self, username):
        return self.makeRequest('PUT', f"/accounts/{username}/suspend")

    def deleteAccount(self, username):
        return self.makeRequest('DELETE', f"/accounts/{username}")

    def getServers(self):
        return self.makeRequest('GET', '/servers')['data']

    def makeRequest(self, method, endpoint, data={}):
        try:
            options = {}

            if data:
                options['json'] = data

            response = self.client.request(method, endpoint, options)

            body = response.getBody().getContents()
            result = json.loads(body)

            return {
                'status': 'success',
                'data': result,
                'http_code': response.getStatusCode(),
            }

        except GuzzleException as e:
            return {
                'status': 'error',
                'error': e.getMessage(),
                'http_code': e.getCode(),
            }
"""

CONTROLLER = """
from puqpanel.sdk import Controller, Request, Validator, abort, response, view_admin_module
from puqpanel.sdk.compat import DB, JsonResponse, View, auth

from ..Models.CloudServer import CloudServer, CloudServerGroup


class MyCloudServiceController(Controller):
    def servers(self, request: Request) -> View:
        title = 'Cloud Servers'
        servers = DB.table('cloud_servers').orderBy('name').get()
        return view_admin_module('Product', 'MyCloudService', 'admin_area.servers', dict(title=title, servers=servers))

    def createServer(self, request: Request) -> JsonResponse:
        # Always check permissions in controllers
        admin = auth().user()
        if not admin.hasPermission('Product-MyCloudService-manage-servers'):
            abort(403, 'Insufficient permissions')
        validator = Validator.make(request.all(), {
            'name': 'required|string|max:255',
            'ip': 'required|ip',
            'location': 'required|string',
        })

        if validator.fails():
            return response().json({
                'success': False,
                'errors': validator.errors()
            }, 422)

        try:
            # Create server logic
            group = CloudServerGroup.where('name', request.input('location')).first() or CloudServerGroup.create({'name': request.input('location')})
            CloudServer.create({
                'group_uuid': group.uuid,
                'name': request.input('name'),
                'host': request.input('ip'),
                'port': request.input('port'),
                'username': 'admin',
                'password': 'a secret',
                'api_key': 'the key',
            })
            return response().json({
                'success': True,
                'message': 'Server created successfully'
            })
        except Exception as e:
            return response().json({
                'success': False,
                'message': str(e)
            }, 500)

    def showServer(self, request, uuid):
        server = DB.table('cloud_servers').where('uuid', uuid).first()
        if not server:
            return {'success': False, 'message': 'No such server'}, 404
        return {'success': True, 'data': {'name': server.name, 'created': server['name']}}
"""

MY_CLOUD_FILES = {
    "Models/CloudServer.py": MODEL,
    "Services/CloudAPIClient.py": API_CLIENT,
    "Controllers/MyCloudServiceController.py": CONTROLLER,
    "views/admin_area/product.html": (
        '{% for plan in validation.plan_type %}<label><input name="plan_type" value="{{ plan }}">'
        ' {{ plan }}</label>{% endfor %}<input name="disk_space" value="{{ config.disk_space }}">'
    ),
    "views/admin_area/service.html": (
        '<input name="domain" value="{{ service_data.domain }}"> {{ config.name }}'
    ),
    "views/admin_area/servers.html": (
        "<h2>{{ title }}</h2>{% for server in servers %}<p>{{ server.name }} at {{ server.host"
        " }}</p>{% endfor %}"
    ),
    "views/client_area/general.html": (
        "<p>{{ service_data.username }} on {{ config['name'] }} by {{ module_name }}</p>"
    ),
    "views/client_area/files.html": "<p>No files of {{ service_uuid }}</p>",
}
